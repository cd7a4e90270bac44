import { randomUUID } from 'node:crypto'
import { InferenceError } from '../../protocol/index.ts'
import type { DispatchEvent, Job } from '../dispatch/index.ts'
import { joinPlacements } from '../placement.ts'
import { type VerifyMode, waitsForVerdict } from '../verify-mode.ts'
import type { Auditor, AuditReport } from './auditor.ts'
import type { Oddity } from './free-checks.ts'
import { type Unrated, type Verification, verificationOf } from './verification.ts'
import { Witness } from './witness.ts'

/** Times that a whole answer is asked for anew because the last one was not what it said. */
const MAX_ANEW = 2
/** What no other peer can change. */
const SAME_ELSEWHERE: ReadonlySet<string | undefined> = new Set<Unrated>(['request', 'too-short'])
/** How an asking anew fails where there is nobody else. */
const NOBODY_ELSE: ReadonlySet<string> = new Set(['no_peers', 'model_not_found'])

export interface CheckedAnswerInit {
  readonly auditor: Auditor
  readonly job: Job
  readonly mode: VerifyMode
  /** Ends an audit that the caller waits for. */
  readonly signal: AbortSignal
  /** Ends audits that nobody waits for. */
  readonly afterwards: AbortSignal
  readonly ask: (job: Job) => AsyncGenerator<DispatchEvent, void, void>
}

/**
 * An answer, checked as the request wants it.
 *
 * @param onVerified told before `done` what the audit of an answer found that is checked while the caller waits
 * @throws InferenceError `verification_failed` with the evidence; what `ask` throws
 */
export async function* checkedAnswer(
  init: CheckedAnswerInit,
  onVerified: (verification: Verification) => void,
): AsyncGenerator<DispatchEvent, void, void> {
  const { auditor, job, mode, afterwards } = init
  const waits = waitsForVerdict(mode)
  const accused = new Set<string>()
  let last: InferenceError | undefined
  for (;;) {
    const witness = new Witness(job.request, job.trusted)
    if (mode === 'required' && witness.unratable === 'request') {
      throw unverified({ status: 'unverified', why: 'request', parts: [] })
    }
    let failure: InferenceError | undefined
    let odd = false
    for await (const event of asked(init, accused, last)) {
      if (mode !== 'off') witness.hear(event)
      if (event.type === 'done' && mode !== 'off') {
        const oddities = lookAt(auditor, witness, event)
        odd = oddities.length > 0
        if (waits) {
          const found =
            foundByFree(event.peerId, oddities) ?? (await audited(init, witness, event.peerId))
          failure = failureOf(found, mode)
          for (const { peerId, outcome } of found.parts) {
            if (outcome === 'failed') accused.add(peerId)
          }
          if (failure !== undefined) {
            accused.add(event.peerId)
            break
          }
          onVerified(found)
        }
      }
      yield event
    }
    if (failure === undefined) {
      const { subject } = witness
      const sampled = mode === 'sample' && subject !== undefined
      if (sampled && (odd || auditor.samples(subject, randomUUID()))) {
        void auditor.inBackground(subject, afterwards)
      }
      return
    }
    const isSame = SAME_ELSEWHERE.has(failure.details.verification?.why)
    if (!job.restartable || isSame || accused.size > MAX_ANEW) throw failure
    last = failure
    yield { type: 'restart' }
  }
}

function lookAt(
  auditor: Auditor,
  witness: Witness,
  { told }: Extract<DispatchEvent, { type: 'done' }>,
): readonly Oddity[] {
  const seen = witness.seen(told)
  return seen === undefined ? [] : auditor.look(seen)
}

/** The answer, or the next one where the last one failed. @throws that failure where there is nobody else */
async function* asked(
  { ask, job }: CheckedAnswerInit,
  accused: ReadonlySet<string>,
  last: InferenceError | undefined,
): AsyncGenerator<DispatchEvent, void, void> {
  if (last === undefined) return yield* ask(job)
  try {
    yield* ask(without(job, accused))
  } catch (error) {
    throw InferenceError.is(error) && NOBODY_ELSE.has(error.code) ? last : error
  }
}

async function audited(
  { auditor, signal }: CheckedAnswerInit,
  { subject, unratable }: Witness,
  peerId: string,
): Promise<Verification> {
  const isOwn = peerId.startsWith('provider:')
  if (subject === undefined) return verificationOf([], isOwn ? 'own-provider' : unratable)
  return verificationOf(await auditor.audit(subject, signal))
}

/** What it said of itself cannot be. */
function foundByFree(peerId: string, oddities: readonly Oddity[]): Verification | undefined {
  const proof = oddities.find(({ weight }) => weight === 'proof')
  if (proof === undefined) return undefined
  const nothing = { positions: 0, misses: 0, hardMisses: 0, meanMargin: 0, logRatio: 0, tokens: 0 }
  const by = { by: ['self'], asked: 0, finding: proof.what }
  return { status: 'failed', parts: [{ peerId, outcome: 'failed', ...nothing, ...by }] }
}

/** The same, but never at those. */
function without(job: Job, accused: ReadonlySet<string>): Job {
  const placement = joinPlacements(job.placement, {
    narrow: (candidates) => candidates.filter(({ key }) => !accused.has(key)),
  })
  return { ...job, placement }
}

function failureOf(found: Verification, mode: VerifyMode): InferenceError | undefined {
  const failed = found.parts.find(({ outcome }) => outcome === 'failed')
  if (failed !== undefined) return accusation(failed, found)
  return mode === 'required' && found.status === 'unverified' ? unverified(found) : undefined
}

function accusation(
  { peerId, hardMisses, misses, positions, by, surprise, finding }: AuditReport,
  verification: Verification,
): InferenceError {
  const details = { verification }
  if (finding !== undefined) {
    return new InferenceError(
      'verification_failed',
      `peer ${peerId} did not tell the truth: ${finding}`,
      { details },
    )
  }
  const why =
    surprise === undefined
      ? `${hardMisses} of ${positions} tokens are none that its weights would write, ${misses} are not their first choice`
      : `its tokens are ${surprise.toFixed(1)} standard deviations more surprising than its weights`
  return new InferenceError(
    'verification_failed',
    `peer ${peerId} did not write this with the weights that it names: ${why}, by the word of ${by.join(' and ')}`,
    { details },
  )
}

const WHY_UNRATED: Readonly<Record<Unrated, string>> = {
  request:
    'what was asked for cannot be rated (embeddings, tools, images, JSON, biases, penalties)',
  'own-provider': 'a provider of the caller’s own answered',
  'no-token-ids': 'the engine that wrote it does not tell its tokens',
  'no-scorer': 'nobody else was found that has the same weights and may see it',
  'no-answer': 'those that were asked did not rate it',
  'too-short': 'it is too short',
  unsettled: 'those that rated it do not agree',
}

function unverified(verification: Verification): InferenceError {
  const { why = 'no-scorer' } = verification
  return new InferenceError(
    'verification_failed',
    `the answer could not be verified, which the request requires: ${WHY_UNRATED[why]}`,
    { details: { verification } },
  )
}
