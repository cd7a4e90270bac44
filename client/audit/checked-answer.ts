import { randomUUID } from 'node:crypto'
import { InferenceError } from '../../protocol/index.ts'
import type { DispatchEvent, Job } from '../dispatch/index.ts'
import { joinPlacements } from '../placement.ts'
import type { VerifyMode } from '../verify-mode.ts'
import type { Auditor, AuditReport } from './auditor.ts'
import type { Oddity } from './free-checks.ts'
import { Witness } from './witness.ts'

/** Times that a whole answer is asked for anew because the last one was not what it said. */
const MAX_ANEW = 2
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
  onVerified: (reports: readonly AuditReport[]) => void,
): AsyncGenerator<DispatchEvent, void, void> {
  const { auditor, job, mode, afterwards } = init
  const accused = new Set<string>()
  for (;;) {
    const witness = new Witness(job.request, job.trusted)
    let failure: InferenceError | undefined
    let odd = false
    for await (const event of init.ask(accused.size === 0 ? job : without(job, accused))) {
      if (mode !== 'off') witness.hear(event)
      if (event.type === 'done' && mode !== 'off') {
        const oddities = lookAt(auditor, witness, event)
        odd = oddities.length > 0
        if (mode === 'always') {
          failure = failureByFree(event.peerId, oddities)
          const reports = failure === undefined ? await audited(init, witness) : []
          failure ??= failureOf(reports)
          for (const { peerId, outcome } of reports) if (outcome === 'failed') accused.add(peerId)
          if (failure !== undefined) {
            accused.add(event.peerId)
            break
          }
          onVerified(reports)
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
    if (!job.restartable || accused.size > MAX_ANEW) throw failure
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

async function audited(
  { auditor, signal, remainingMs }: CheckedAnswerInit,
  { subject }: Witness,
): Promise<readonly AuditReport[]> {
  return subject === undefined
    ? []
    : await auditor.audit(subject, { signal, withinMs: AUDIT_SHARE * remainingMs() })
}

/** What it said of itself cannot be. */
function failureByFree(peerId: string, oddities: readonly Oddity[]): InferenceError | undefined {
  const proof = oddities.find(({ weight }) => weight === 'proof')
  if (proof === undefined) return undefined
  return new InferenceError(
    'verification_failed',
    `peer ${peerId} did not tell the truth: ${proof.what}`,
    { details: { verification: [{ peerId, outcome: 'failed', finding: proof.what }] } },
  )
}

/** The same, but never at those. */
function without(job: Job, accused: ReadonlySet<string>): Job {
  const placement = joinPlacements(job.placement, {
    narrow: (candidates) => candidates.filter(({ key }) => !accused.has(key)),
  })
  return { ...job, placement }
}

function failureOf(reports: readonly AuditReport[]): InferenceError | undefined {
  const failed = reports.find(({ outcome }) => outcome === 'failed')
  if (failed === undefined) return undefined
  const { peerId, hardMisses, misses, positions, by, surprise, finding } = failed
  const rated =
    surprise === undefined
      ? `${hardMisses} of ${positions} tokens are none that its weights would write, ${misses} are not their first choice`
      : `its tokens are ${surprise.toFixed(1)} standard deviations more surprising than its weights`
  const why = finding ?? rated
  return new InferenceError(
    'verification_failed',
    `peer ${peerId} did not write this with the weights that it names: ${why}, by the word of ${by.join(' and ')}`,
    { details: { verification: reports } },
  )
}
