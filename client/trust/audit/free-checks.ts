import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Candidate, type PeerReport, UNSEEN_TOKENS } from '../../request/index.ts'
import { specClassOf } from '../reputation/index.ts'

/** A contradiction in what a peer sent: proof of a lie, or only a reason for an audit. */
export interface Oddity {
  readonly weight: 'proof' | 'reason-to-audit'
  readonly what: string
}

/** The part of an answer that one peer wrote, as the client received it. */
export interface FreeCheckInput {
  readonly candidate: Candidate
  /** Absent if the peer did not end the answer. */
  readonly report?: PeerReport | undefined
  /** It is the first part of the answer. */
  readonly isFirst: boolean
  /** All displayed text has token ids, or none were required. */
  readonly hasAllIds: boolean
  /** Empty if the engine reports none. */
  readonly tokenIds: readonly number[]
  /** The tokens as spelled in the `logprobs` of the answer, joined; absent without `logprobs`. */
  readonly spelled?: string | undefined
  readonly text: string
  readonly logprobs: readonly number[]
  /** In some chunk the number of log probabilities differs from the number of tokens. */
  readonly unpaired: boolean
  /** Identifies the request. Called only by the checks that need it. */
  readonly request: () => string
}

/** Min tokens for checks of speed and of replays. */
const MIN_TOKENS = 32
/**
 * Memory bandwidth of the fastest single machine: 21 PB/s of on-chip memory (Cerebras WSE-3, according to its maker). Each
 * token reads all active weights once, so no honest engine is faster than this ÷ their bytes.
 */
const FASTEST_BYTES_PER_SECOND = 2.1e16
/** Lower bound for the size of a weight. */
const BYTES_PER_PARAMETER = 0.5
/** Lower bound for the share of active weights, in a mixture of experts. */
const ACTIVE_SHARE = 1 / 30
/** Whole answers remembered to detect replays. */
const MAX_ANSWERS = 4_096

/** Checks of a complete answer that need no scorer. */
export class FreeChecks {
  /** The request of each long answer. */
  readonly #answers = new LRUCache<string, string>({ max: MAX_ANSWERS })

  check(input: FreeCheckInput): readonly Oddity[] {
    return [
      inflatedUsage(input),
      impossibleSpeed(input),
      otherWeights(input),
      foreignLogprobs(input),
      withheldIds(input),
      this.#replay(input),
    ].flatMap((oddity) => oddity ?? [])
  }

  #replay(input: FreeCheckInput): Oddity | undefined {
    const { candidate, report, tokenIds } = input
    if (report === undefined || tokenIds.length < MIN_TOKENS) return undefined
    const hash = createHash('sha256').update(Uint32Array.from(tokenIds)).digest('base64')
    const answer = `${candidate.key} ${specClassOf(candidate.model)} ${hash}`
    const request = input.request()
    const before = this.#answers.get(answer)
    this.#answers.set(answer, request)
    if (before === undefined || before === request) return undefined
    // Not proof: honest engines refuse different requests in the same words.
    return { weight: 'reason-to-audit', what: 'it gave the same long answer to another request' }
  }
}

/** Only for engines that report the ids of all tokens: others may count reasoning that is not shown. */
function inflatedUsage({ candidate, report, tokenIds }: FreeCheckInput): Oddity | undefined {
  if (report === undefined) return undefined
  const { usage } = report
  const most = tokenIds.length + UNSEEN_TOKENS
  const reportsAll = candidate.model.capabilities.includes('token_ids') && tokenIds.length > 0
  if (!reportsAll || usage.completionTokens <= most) return undefined
  return {
    weight: 'proof',
    what: `it counted ${usage.completionTokens} tokens but sent ${tokenIds.length}`,
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
    what: `it sent ${Math.round(speed)} tokens/s, but no machine exceeds ${Math.round(fastest)} tokens/s with weights of this size`,
  }
}

/** Not proof: the peer may have loaded another file since it advertised. */
function otherWeights({ candidate, report }: FreeCheckInput): Oddity | undefined {
  const { digest = '' } = report ?? {}
  const { digest: advertised = '' } = candidate.model
  if (digest === '' || advertised === '' || digest === advertised) return undefined
  return { weight: 'reason-to-audit', what: 'it reported other weights than it advertises' }
}

/** A peer that advertises token ids and withholds them prevents its answers from being rated. */
function withheldIds({ hasAllIds, candidate }: FreeCheckInput): Oddity | undefined {
  if (hasAllIds || !candidate.model.capabilities.includes('token_ids')) return undefined
  return { weight: 'proof', what: 'it sent text without the token ids that it advertises' }
}

function foreignLogprobs({
  isFirst,
  logprobs,
  spelled,
  text,
  unpaired,
}: FreeCheckInput): Oddity | undefined {
  if (logprobs.some((logprob) => !(logprob <= 1e-3))) {
    return { weight: 'proof', what: 'it reported probabilities above 1' }
  }
  if (unpaired) {
    return { weight: 'proof', what: 'it reported probabilities of other tokens than it sent' }
  }
  // A token that is a part of a character cannot be spelled.
  const isUnspellable = spelled === undefined || /[\uFFFD<]/.test(spelled)
  // A later part may display text that the previous peer held back, after reporting its probabilities.
  if (isUnspellable || !isFirst || spelled.includes(text)) return undefined
  return { weight: 'proof', what: 'it reported probabilities of another text than it sent' }
}
