import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Candidate, type PeerReport, UNSEEN_TOKENS } from '../../request/index.ts'
import { specClassOf } from '../reputation/index.ts'

/** What is to be made of something odd: it proves a lie by itself, or is reason to look closely. */
export interface Oddity {
  readonly weight: 'proof' | 'reason-to-audit'
  readonly what: string
}

/** The part of an answer that one peer wrote, as the client saw it. */
export interface FreeCheckInput {
  readonly candidate: Candidate
  /** Absent where it did not end the answer. */
  readonly report?: PeerReport
  /** Nobody wrote before it. */
  readonly isFirst: boolean
  /** The ids are those of all that it showed, or were not to be told. */
  readonly tellsIds: boolean
  /** Empty where the engine does not tell them. */
  readonly tokenIds: readonly number[]
  /** Tokens as the peer spelled them beside their log probabilities, joined; absent where it told none. */
  readonly spelled?: string
  readonly text: string
  readonly logprobs: readonly number[]
  /** Some piece had another number of log probabilities than of tokens. */
  readonly unpaired: boolean
  /** Tells requests apart. */
  readonly request: string
}

/** Fewer tokens say nothing of a speed, or of a replay. */
const MIN_TOKENS = 32
/**
 * Bytes that the fastest single machine reads a second: 21 PB/s of on-chip memory (Cerebras WSE-3, by its maker). Each
 * token needs all active weights once, so that no honest engine is faster than this ÷ their bytes.
 */
const FASTEST_BYTES_PER_SECOND = 2.1e16
/** Weights take half a byte each or more. */
const BYTES_PER_PARAMETER = 0.5
/** Of a mixture of experts a thirtieth of the weights may be active. */
const ACTIVE_SHARE = 1 / 30
/** Whole answers that are remembered, to know one again. */
const MAX_ANSWERS = 4_096

/** What costs nothing to check of an answer, as all of it is there. */
export class FreeChecks {
  /** Of each long answer: for which request it came. */
  readonly #answers = new LRUCache<string, string>({ max: MAX_ANSWERS })

  look(input: FreeCheckInput): readonly Oddity[] {
    return [
      inflatedUsage(input),
      impossibleSpeed(input),
      otherWeights(input),
      foreignLogprobs(input),
      withheldIds(input),
      this.#replay(input),
    ].flatMap((oddity) => oddity ?? [])
  }

  #replay({ candidate, report, tokenIds, request }: FreeCheckInput): Oddity | undefined {
    if (report === undefined || tokenIds.length < MIN_TOKENS) return undefined
    const hash = createHash('sha256').update(Uint32Array.from(tokenIds)).digest('base64')
    const answer = `${candidate.key} ${specClassOf(candidate.model)} ${hash}`
    const before = this.#answers.get(answer)
    this.#answers.set(answer, request)
    if (before === undefined || before === request) return undefined
    // Honest engines refuse in the same words, too.
    return { weight: 'reason-to-audit', what: 'it gave the same long answer to another request' }
  }
}

/** Of an engine that tells the ids of all its tokens: others may think in silence. */
function inflatedUsage({ candidate, report, tokenIds }: FreeCheckInput): Oddity | undefined {
  if (report === undefined) return undefined
  const { usage } = report
  const most = tokenIds.length + UNSEEN_TOKENS
  const tellsAll = candidate.model.capabilities.includes('token_ids') && tokenIds.length > 0
  if (!tellsAll || usage.completionTokens <= most) return undefined
  return {
    weight: 'proof',
    what: `it counts ${usage.completionTokens} tokens and sent ${tokenIds.length}`,
  }
}

function impossibleSpeed({ candidate, report, tokenIds }: FreeCheckInput): Oddity | undefined {
  if (report === undefined) return undefined
  const { elapsedMs } = report
  const { parameters } = candidate.model
  if (parameters === 0 || tokenIds.length < MIN_TOKENS) return undefined
  const bytes = parameters * BYTES_PER_PARAMETER * ACTIVE_SHARE
  const fastest = FASTEST_BYTES_PER_SECOND / bytes
  const speed = (tokenIds.length / Math.max(1, elapsedMs)) * 1_000
  if (speed <= fastest) return undefined
  return {
    weight: 'proof',
    what: `it wrote ${Math.round(speed)} tokens a second, and no machine writes more than ${Math.round(fastest)} with so many weights`,
  }
}

/** It may have loaded another file since it advertised; then all that it writes is worth a look. */
function otherWeights({ candidate, report }: FreeCheckInput): Oddity | undefined {
  const { digest = '' } = report ?? {}
  const { digest: advertised = '' } = candidate.model
  if (digest === '' || advertised === '' || digest === advertised) return undefined
  return { weight: 'reason-to-audit', what: 'it answered with other weights than it advertises' }
}

/** Whoever lets others count on its ids and keeps them back, keeps its answers from being rated. */
function withheldIds({ tellsIds, candidate }: FreeCheckInput): Oddity | undefined {
  if (tellsIds || !candidate.model.capabilities.includes('token_ids')) return undefined
  return { weight: 'proof', what: 'it showed text without the token ids that it promises to tell' }
}

function foreignLogprobs({
  isFirst,
  logprobs,
  spelled,
  text,
  unpaired,
}: FreeCheckInput): Oddity | undefined {
  if (logprobs.some((logprob) => !(logprob <= 1e-3))) {
    return { weight: 'proof', what: 'it told probabilities above 1' }
  }
  if (unpaired) {
    return { weight: 'proof', what: 'it told probabilities of other tokens than it sent' }
  }
  // A token may be a part of a character, which cannot be spelled.
  const isUnspellable = spelled === undefined || /[\uFFFD<]/.test(spelled)
  // What the peer before held back is shown by the next one, and its probabilities were told.
  if (isUnspellable || !isFirst || spelled.includes(text)) return undefined
  return { weight: 'proof', what: 'it told probabilities of another text than it sent' }
}
