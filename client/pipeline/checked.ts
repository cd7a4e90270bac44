import { randomUUID } from 'node:crypto'
import { InferenceError } from '../../protocol/index.ts'
import {
  type AuditReport,
  type DispatchEvent,
  type Job,
  joinPlacements,
  type Unrated,
  type Verification,
  type VerifyMode,
  verificationOf,
  waitsForVerdict,
} from '../request/index.ts'
import { type Auditor, type Oddity, Witness } from '../trust/index.ts'

/** Times that a whole answer is asked for anew because the last one was not what it said. */
const MAX_ANEW = 2
/** What no other peer can change. */
const SAME_ELSEWHERE: ReadonlySet<string | undefined> = new Set<Unrated>(['request', 'too-short'])
/** Of the caller's time that is left: the answer is there, and comes in time even where nobody rates it. */
const AUDIT_SHARE = 0.8

export interface CheckedAnswerInit {
  readonly auditor: Auditor
  readonly job: Job
  readonly mode: VerifyMode
  /** Ends an audit that the caller waits for. */
  readonly signal: AbortSignal
  /** Until the caller's deadline: an audit that the caller waits for ends before. */
  readonly remainingMs: () => number
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
  const { auditor, job, mode, signal, afterwards } = init
  const waits = waitsForVerdict(mode)
  const accused = new Set<string>()
  let first: InferenceError | undefined
  for (let anew = 0; ; anew += 1) {
    const asked = job.journal.attempts.length
    const witness = new Witness(job.request, job.trusted)
    if (mode === 'required' && witness.unratable === 'request') {
      throw unverified({ status: 'unverified', why: 'request', parts: [] })
    }
    let failure: InferenceError | undefined
    let odd = false
    try {
      for await (const event of init.ask(accused.size === 0 ? job : without(job, accused))) {
        if (mode !== 'off') witness.hear(event)
        if (event.type === 'done' && mode !== 'off') {
          const oddities = lookAt(auditor, witness, event)
          odd = oddities.length > 0
          if (waits) {
            const found = foundByFree(oddities) ?? (await audited(init, witness, event.peerId))
            const failed = found.parts.filter(({ outcome }) => outcome === 'failed')
            failure = failureOf(failed, found, mode)
            for (const { peerId } of failed) accused.add(peerId)
            if (failure !== undefined) {
              // Nobody lied, and somebody else may be one that can be rated.
              if (failed.length === 0) accused.add(event.peerId)
              break
            }
            onVerified(found)
          }
        }
        yield event
      }
    } catch (error) {
      // Nobody else is there: why the one that is will not do says more.
      const isAlone = job.journal.attempts.length === asked && !signal.aborted
      throw (isAlone ? first : undefined) ?? error
    }
    if (failure === undefined) {
      const { subject } = witness
      const sampled = mode === 'sample' && subject !== undefined
      if (sampled && (odd || auditor.samples(subject, randomUUID()))) {
        void auditor.inBackground(subject, afterwards)
      }
      return
    }
    const isSame = SAME_ELSEWHERE.has(failure.detailsOf('verification_failed').verification?.why)
    if (!job.restartable || isSame || anew >= MAX_ANEW) throw failure
    first ??= failure
    yield { type: 'restart' }
  }
}

/** Something odd about what one of the peers said. */
interface OddityOf extends Oddity {
  readonly peerId: string
}

function lookAt(
  auditor: Auditor,
  witness: Witness,
  { told }: Extract<DispatchEvent, { type: 'done' }>,
): readonly OddityOf[] {
  return witness
    .seen(told)
    .flatMap((seen) =>
      auditor.look(seen).map((oddity) => ({ ...oddity, peerId: seen.candidate.key })),
    )
}

async function audited(
  { auditor, signal, remainingMs }: CheckedAnswerInit,
  { subject, unratable }: Witness,
  peerId: string,
): Promise<Verification> {
  const isOwn = peerId.startsWith('provider:')
  if (subject === undefined) return verificationOf([], isOwn ? 'own-provider' : unratable)
  const reports = await auditor.audit(subject, { signal, withinMs: AUDIT_SHARE * remainingMs() })
  return verificationOf(reports, unratable)
}

/** What they said of themselves cannot be. */
function foundByFree(oddities: readonly OddityOf[]): Verification | undefined {
  const lies = oddities.filter(({ weight }) => weight === 'proof')
  if (lies.length === 0) return undefined
  const nothing = { positions: 0, misses: 0, hardMisses: 0, meanMargin: 0, logRatio: 0, tokens: 0 }
  const parts = lies.map(({ peerId, what }): AuditReport => {
    return { peerId, outcome: 'failed', ...nothing, by: ['self'], asked: 0, finding: what }
  })
  return { status: 'failed', parts }
}

/** The same, but never at those. */
function without(job: Job, accused: ReadonlySet<string>): Job {
  const placement = joinPlacements(job.placement, {
    narrow: (candidates) => candidates.filter(({ key }) => !accused.has(key)),
  })
  return { ...job, placement }
}

function failureOf(
  [failed]: readonly AuditReport[],
  found: Verification,
  mode: VerifyMode,
): InferenceError | undefined {
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
