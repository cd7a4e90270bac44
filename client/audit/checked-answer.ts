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
  const { auditor, job, mode, signal, afterwards } = init
  const accused = new Set<string>()
  let first: InferenceError | undefined
  for (let anew = 0; ; anew += 1) {
    const asked = job.journal.attempts.length
    const witness = new Witness(job.request, job.trusted)
    let failure: InferenceError | undefined
    let odd = false
    try {
      for await (const event of init.ask(accused.size === 0 ? job : without(job, accused))) {
        if (mode !== 'off') witness.hear(event)
        if (event.type === 'done' && mode !== 'off') {
          const oddities = lookAt(auditor, witness, event)
          odd = oddities.length > 0
          if (mode === 'always') {
            const lies = oddities.filter(({ weight }) => weight === 'proof')
            const reports = lies.length === 0 ? await audited(init, witness) : []
            const failed = reports.filter(({ outcome }) => outcome === 'failed')
            failure = failureByFree(lies) ?? failureOf(failed, reports)
            for (const { peerId } of [...lies, ...failed]) accused.add(peerId)
            if (failure !== undefined) break
            onVerified(reports)
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
    if (!job.restartable || anew >= MAX_ANEW) throw failure
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
  { subject }: Witness,
): Promise<readonly AuditReport[]> {
  return subject === undefined
    ? []
    : await auditor.audit(subject, { signal, withinMs: AUDIT_SHARE * remainingMs() })
}

/** What it said of itself cannot be. */
function failureByFree(lies: readonly OddityOf[]): InferenceError | undefined {
  const [lie] = lies
  if (lie === undefined) return undefined
  return new InferenceError(
    'verification_failed',
    `peer ${lie.peerId} did not tell the truth: ${lie.what}`,
    {
      details: {
        verification: lies.map(({ peerId, what }) => ({
          ...{ peerId, outcome: 'failed', finding: what },
        })),
      },
    },
  )
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
  reports: readonly AuditReport[],
): InferenceError | undefined {
  if (failed === undefined) return undefined
  const { peerId, by } = failed
  return new InferenceError(
    'verification_failed',
    `peer ${peerId} did not write this with the weights that it names: ${whyOf(failed)}, by the word of ${by.join(' and ')}`,
    { details: { verification: reports } },
  )
}

function whyOf({ finding, hardMisses, misses, positions, surprise }: AuditReport): string {
  if (finding !== undefined) return finding
  return surprise === undefined
    ? `${hardMisses} of ${positions} tokens are none that its weights would write, ${misses} are not their first choice`
    : `its tokens are ${surprise.toFixed(1)} standard deviations more surprising than its weights`
}
