import { randomUUID } from 'node:crypto'
import type { InferenceError } from '../../protocol/index.ts'
import { type Scope, tapped } from '../../timing/index.ts'
import {
  type AnswerEvent,
  type AuditReport,
  joinPlacements,
  type Unrated,
  type Verification,
  verificationOf,
  waitsForVerdict,
} from '../request/index.ts'
import { AnswerRecorder, type Auditor, type Canaries, type Oddity } from '../trust/index.ts'
import type { Ask, Stage } from './ask.ts'
import type { PreparedRequest } from './prepare.ts'
import { failureOf, unverified } from './verification-failure.ts'

/** Max repeats of a whole answer that failed verification. */
const MAX_REPEATS = 2
/** Reasons that hold for every peer, so that a repeat is pointless. */
const SAME_ELSEWHERE: ReadonlySet<string | undefined> = new Set<Unrated>(['request', 'too-short'])
/** Share of the caller's remaining time for the audit, so that the answer arrives in time even if no peer rates it. */
const AUDIT_SHARE = 0.8

type Done = Extract<AnswerEvent, { type: 'done' }>

export interface CheckedInit {
  readonly auditor: Auditor
  readonly canaries: Canaries
  /** Ends background audits and canaries. */
  readonly background: AbortSignal
}

/**
 * Checks answers according to `verify`, and updates the reputation of their peers.
 *
 * @throws InferenceError `verification_failed` with the evidence
 */
export function checked({ auditor, canaries, background }: CheckedInit): Stage {
  const sendCanary = ({ request, trusted }: PreparedRequest, { report, usage }: Done): void => {
    // A request restricted to trusted peers earns no canary.
    if (report === undefined || trusted !== undefined) return
    void canaries.answered(report.candidate, request, usage.completionTokens, background)
  }

  /** Passes the answer on as it comes; it may be audited afterwards. */
  const sampled = (next: Ask, request: PreparedRequest, scope: Scope): ReturnType<Ask> => {
    const recorder = recorderOf(request)
    let isOdd = false
    return tapped(next(request, scope), {
      value: (event) => {
        recorder.record(event)
        if (event.type !== 'done') return
        isOdd = odditiesOf(auditor, recorder, event).length > 0
        sendCanary(request, event)
      },
      complete: () => {
        const { subject } = recorder
        if (subject === undefined || !(isOdd || auditor.samples(subject, randomUUID()))) return
        void auditor.inBackground(subject, background)
      },
    })
  }

  /** Holds the end of the answer back until the verdict. */
  async function* judged(next: Ask, request: PreparedRequest, scope: Scope): ReturnType<Ask> {
    const { verify, journal, restartable } = request
    const accused = new Set<string>()
    let first: InferenceError | undefined
    for (let repeats = 0; ; repeats += 1) {
      const attempts = journal.attempts.length
      const recorder = recorderOf(request)
      if (verify === 'required' && recorder.unratable === 'request') {
        throw unverified({ status: 'unverified', why: 'request', parts: [] })
      }
      let failure: InferenceError | undefined
      try {
        for await (const event of next(without(request, accused), scope)) {
          recorder.record(event)
          if (event.type === 'done') {
            const oddities = odditiesOf(auditor, recorder, event)
            const verification =
              failedFreeChecks(oddities) ?? (await audited(auditor, recorder, event, scope))
            failure = failureOf(verification, verify)
            if (failure !== undefined) {
              for (const peer of blamed(verification, event)) accused.add(peer)
              break
            }
            yield { type: 'verified', verification }
            sendCanary(request, event)
          }
          yield event
        }
      } catch (error) {
        // If no other peer could be asked, the first failure is more informative.
        const isAlone = journal.attempts.length === attempts && !scope.signal.aborted
        throw (isAlone ? first : undefined) ?? error
      }
      if (failure === undefined) return
      const isSame = SAME_ELSEWHERE.has(failure.detailsOf('verification_failed').verification?.why)
      if (!restartable || isSame || repeats >= MAX_REPEATS) throw failure
      first ??= failure
      yield { type: 'restart' }
    }
  }

  return (next) => (request, scope) => {
    if (request.verify === 'off') return next(request, scope)
    return waitsForVerdict(request.verify)
      ? judged(next, request, scope)
      : sampled(next, request, scope)
  }
}

function recorderOf({ request, trusted, delivered }: PreparedRequest): AnswerRecorder {
  return new AnswerRecorder(request, trusted, delivered !== undefined)
}

/** The request without the accused peers. */
function without(request: PreparedRequest, accused: ReadonlySet<string>): PreparedRequest {
  if (accused.size === 0) return request
  const placement = joinPlacements(request.placement, {
    narrow: (candidates) => candidates.filter(({ key }) => !accused.has(key)),
  })
  return { ...request, placement }
}

/** An oddity in what one peer sent. */
interface PeerOddity extends Oddity {
  readonly peerId: string
}

function odditiesOf(
  auditor: Auditor,
  recorder: AnswerRecorder,
  { report }: Done,
): readonly PeerOddity[] {
  return recorder
    .inputs(report)
    .flatMap((input) =>
      auditor.checkForFree(input).map((oddity) => ({ ...oddity, peerId: input.candidate.key })),
    )
}

async function audited(
  auditor: Auditor,
  { subject, unratable }: AnswerRecorder,
  { peerId }: Done,
  scope: Scope,
): Promise<Verification> {
  const isOwn = peerId.startsWith('provider:')
  if (subject === undefined) return verificationOf([], isOwn ? 'own-provider' : unratable)
  const withinMs = AUDIT_SHARE * scope.remainingMs()
  return verificationOf(await auditor.audit(subject, { signal: scope.signal, withinMs }), unratable)
}

/** The verdict if a peer contradicts itself; undefined if only an audit can decide. */
function failedFreeChecks(oddities: readonly PeerOddity[]): Verification | undefined {
  const lies = oddities.filter(({ weight }) => weight === 'proof')
  if (lies.length === 0) return undefined
  const nothing = { positions: 0, misses: 0, hardMisses: 0, meanMargin: 0, logRatio: 0, tokens: 0 }
  const parts = lies.map(({ peerId, what }): AuditReport => {
    return { peerId, outcome: 'failed', ...nothing, by: ['self'], asked: 0, finding: what }
  })
  return { status: 'failed', parts }
}

/** The peers to exclude from a repeat: those that failed, else the one that cannot be rated, because another one may be. */
function blamed({ parts }: Verification, { peerId }: Done): readonly string[] {
  const failed = parts.filter(({ outcome }) => outcome === 'failed')
  return failed.length === 0 ? [peerId] : failed.map((part) => part.peerId)
}
