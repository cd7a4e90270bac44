import type { AttemptReason } from '../../protocol/index.ts'
import type { Plan, RequestLimits } from '../request/index.ts'
/** An attempt, from the decision to make it until its end. */
export interface AttemptState {
  readonly id: number
  readonly reason: AttemptReason
  /** Started while other attempts were running. */
  readonly concurrent: boolean
  /** `choosing` a peer; `waiting` for its first piece, or streaming; `complete`: its whole answer is held (quorum). */
  readonly status: 'choosing' | 'waiting' | 'complete'
}

interface Common {
  readonly plan: Plan
  readonly limits: Pick<RequestLimits, 'maxAttempts' | 'maxResumes' | 'maxUnreachable'>
  /** Attempts that have not ended. */
  readonly attempts: readonly AttemptState[]
  readonly nextAttempt: number
  /** Sequential attempts before the answer began. Attempts that reached no peer are not counted. */
  readonly tries: number
  /** Peers that could not be reached. */
  readonly unreachable: number
  /** Resumes of a begun answer at another peer. */
  readonly resumes: number
}

/**
 * The phase of a request.
 *
 * - `opening`: no peer has begun to answer. At `hedgeAtMs` another attempt joins.
 * - `comparing`: a quorum; complete answers are held until enough of them agree.
 * - `streaming`: the leader's pieces go to the caller. At `hedgeAtMs` it counts as stalled.
 * - `resuming`: the leader is lost, and another peer is to continue the answer.
 */
export type DispatchState =
  | (Common & { readonly phase: 'opening'; readonly hedgeAtMs?: number; readonly hedged: boolean })
  | (Common & { readonly phase: 'comparing'; readonly compared: number })
  | (Common & {
      readonly phase: 'streaming'
      readonly leader: number
      readonly hedgeAtMs?: number
      /** The leader is not read while another peer is tried that may be faster. */
      readonly paused: boolean
    })
  | (Common & { readonly phase: 'resuming'; readonly hedgeAtMs?: number; readonly hedged: boolean })
  | (Common & { readonly phase: 'ended' })

/** How to recover an answer whose leader is lost. */
export type Recovery =
  /** It is complete except for its formal end. */
  | 'end'
  | 'resume'
  /** The caller has seen nothing yet: start again. */
  | 'restart'
  | 'give-up'

export type DispatchInput =
  | { readonly type: 'start' }
  | {
      readonly type: 'chosen'
      readonly attempt: number
      /** When a second attempt is worth its cost if this one has not begun by then. */
      readonly hedgeAtMs: number
      /** When a further attempt is worth its cost, once a second one is running. */
      readonly overdueAtMs: number
    }
  /** A lone attempt reports that its first piece will come before another peer could send one. */
  | { readonly type: 'nearing'; readonly attempt: number; readonly hedgeAtMs: number }
  /** There is no peer to ask, or no budget left. */
  | { readonly type: 'no-candidate'; readonly attempt: number; readonly recovery: Recovery }
  /** The first piece that counts: a visible one, or any token of a resume. */
  | { readonly type: 'began'; readonly attempt: number }
  /** The leader made progress; it counts as stalled if no piece arrives by `stallAtMs`. */
  | { readonly type: 'progressed'; readonly stallAtMs: number }
  /** The leader sends too few tokens per second. */
  | { readonly type: 'too-slow' }
  | { readonly type: 'completed'; readonly attempt: number }
  /** `final`: the request is sent to no further peer. `unreached`: its peer never received the request. */
  | {
      readonly type: 'failed'
      readonly attempt: number
      readonly recovery: Recovery
      readonly final: boolean
      readonly unreached: boolean
    }
  /** Complete answers were compared. */
  | { readonly type: 'compared'; readonly winner: number | undefined }
  | { readonly type: 'ticked'; readonly atMs: number; readonly stallAtMs: number }

export type DispatchEffect =
  /** `concurrent`: while others run; only if another peer is known that can be asked at once. */
  | {
      readonly type: 'open'
      readonly attempt: number
      readonly reason: AttemptReason
      readonly concurrent: boolean
    }
  | { readonly type: 'cancel'; readonly attempt: number }
  /** From now on the pieces of this attempt go to the caller, the held ones first. */
  | { readonly type: 'lead'; readonly attempt: number }
  | { readonly type: 'pause' | 'unpause'; readonly attempt: number }
  | { readonly type: 'compare' }
  /** The caller's answer starts again. */
  | { readonly type: 'restart' }
  /** The answer is complete; `attempt` reported its usage. Without it the client ends the answer. */
  | { readonly type: 'finish'; readonly attempt?: number }
  | { readonly type: 'fail'; readonly why: 'attempts' | 'resumes' | 'not-resumable' | 'quorum' }

export interface Step {
  readonly state: DispatchState
  readonly effects: readonly DispatchEffect[]
}

/** @param begun the caller already has part of the answer, from another source */
export function initialState(plan: Plan, limits: Common['limits'], begun = false): DispatchState {
  const common = {
    plan,
    limits,
    attempts: [],
    nextAttempt: 0,
    tries: 0,
    unreachable: 0,
    resumes: 0,
  }
  if (begun) return { ...common, phase: 'resuming', hedged: false }
  return plan.type === 'quorum'
    ? { ...common, phase: 'comparing', compared: 0 }
    : { ...common, phase: 'opening', hedged: false }
}

/** Every step that a request may take. Pure: time arrives with the inputs, work leaves as effects. */
export function transition(state: DispatchState, input: DispatchInput): Step {
  if (state.phase === 'ended') return { state, effects: [] }
  if ('attempt' in input && !state.attempts.some(({ id }) => id === input.attempt)) {
    return { state, effects: [] }
  }
  switch (input.type) {
    case 'start':
      return start(state)
    case 'chosen':
      return chosen(state, input)
    case 'nearing':
      return nearing(state, input.hedgeAtMs)
    case 'no-candidate':
      return lost(state, input.attempt, input.recovery, 'no-candidate')
    case 'began':
      return began(state, input.attempt)
    case 'progressed':
      return progressed(state, input.stallAtMs)
    case 'too-slow':
      return tooSlow(state)
    case 'completed':
      return completed(state, input.attempt)
    case 'failed':
      return lost(
        input.unreached ? uncounted(state, input.attempt) : state,
        input.attempt,
        input.recovery,
        input.final ? 'final' : 'failure',
      )
    case 'compared':
      return compared(state, input.winner)
    case 'ticked':
      return ticked(state, input.atMs, input.stallAtMs)
    default:
      return input satisfies never
  }
}

type Live = Exclude<DispatchState, { phase: 'ended' }>

function start(state: Live): Step {
  const { plan, phase, resumes } = state
  if (phase === 'resuming') return open({ ...state, resumes: resumes + 1 }, 'resume', false)
  if (plan.type === 'quorum') {
    return openMany(state, Array<AttemptReason>(plan.agree).fill('quorum'))
  }
  const others = plan.type === 'race' ? plan.peers - 1 : 0
  return openMany(state, ['first', ...Array<AttemptReason>(others).fill('race')])
}

function openMany(state: Live, reasons: readonly AttemptReason[]): Step {
  return reasons.reduce<Step>(
    (step, reason, index) => {
      const opened = open(step.state as Live, reason, reason === 'race' && index > 0)
      return { state: opened.state, effects: [...step.effects, ...opened.effects] }
    },
    { state, effects: [] },
  )
}

function open(state: Live, reason: AttemptReason, concurrent: boolean): Step {
  const id = state.nextAttempt
  const sequential = !concurrent && (state.phase === 'opening' || state.phase === 'comparing')
  return {
    state: {
      ...state,
      nextAttempt: id + 1,
      attempts: [...state.attempts, { id, reason, concurrent, status: 'choosing' }],
      tries: state.tries + (sequential ? 1 : 0),
    },
    effects: [{ type: 'open', attempt: id, reason, concurrent }],
  }
}

function withStatus(state: Live, id: number, status: AttemptState['status']): Live {
  const attempts = state.attempts.map((attempt) =>
    attempt.id === id ? { ...attempt, status } : attempt,
  )
  return { ...state, attempts }
}

function without(state: Live, id: number): Live {
  return { ...state, attempts: state.attempts.filter((attempt) => attempt.id !== id) }
}

function end(state: Live, effects: readonly DispatchEffect[]): Step {
  return { state: { ...state, phase: 'ended' }, effects }
}

/** Most attempts that wait for a first piece at once. More than two, as peers may only claim to be working. */
const MAX_WAITING = 4

function chosen(state: Live, input: Extract<DispatchInput, { type: 'chosen' }>): Step {
  const next = withStatus(state, input.attempt, 'waiting')
  const opening = next.phase === 'opening' || next.phase === 'resuming'
  const mayJoin = opening && next.plan.type === 'hedge' && next.attempts.length < MAX_WAITING
  if (!mayJoin) return { state: next, effects: [] }
  const hedgeAtMs = next.hedged ? input.overdueAtMs : input.hedgeAtMs
  return { state: { ...next, hedgeAtMs }, effects: [] }
}

/** Moves the second attempt back, never forward. */
function nearing(state: Live, hedgeAtMs: number): Step {
  const waits = state.phase === 'opening' || state.phase === 'resuming'
  if (!waits || state.attempts.length > 1 || state.hedgeAtMs === undefined)
    return { state, effects: [] }
  return { state: { ...state, hedgeAtMs: Math.max(state.hedgeAtMs, hedgeAtMs) }, effects: [] }
}

function began(state: Live, attempt: number): Step {
  if (state.phase === 'comparing') return { state, effects: [] }
  if (state.phase === 'streaming' && state.leader === attempt) return { state, effects: [] }
  const { plan, limits, nextAttempt, tries, unreachable, resumes } = state
  const others = state.attempts.filter(({ id }) => id !== attempt)
  const attempts = state.attempts.filter(({ id }) => id === attempt)
  return {
    state: {
      ...{ plan, limits, nextAttempt, tries, unreachable, resumes, attempts },
      phase: 'streaming',
      leader: attempt,
      paused: false,
    },
    effects: [
      ...others.map(({ id }): DispatchEffect => ({ type: 'cancel', attempt: id })),
      { type: 'lead', attempt },
    ],
  }
}

function progressed(state: Live, stallAtMs: number): Step {
  if (state.phase !== 'streaming') return { state, effects: [] }
  // Attempts concurrent with the leader continue from an older position and would repeat the piece that just arrived.
  const stale = state.attempts.filter(({ id }) => id !== state.leader)
  const attempts = state.attempts.filter(({ id }) => id === state.leader)
  return {
    state: { ...state, attempts, hedgeAtMs: stallAtMs, paused: false },
    effects: stale.map(({ id }) => ({ type: 'cancel', attempt: id })),
  }
}

function tooSlow(state: Live): Step {
  if (state.phase !== 'streaming' || !mayJoinLeader(state)) return { state, effects: [] }
  const { leader } = state
  const step = open({ ...state, paused: true, resumes: state.resumes + 1 }, 'slow', true)
  return { state: step.state, effects: [{ type: 'pause', attempt: leader }, ...step.effects] }
}

/** `single` means one peer at a time. */
function mayJoinLeader(state: Extract<DispatchState, { phase: 'streaming' }>): boolean {
  const { plan, attempts, resumes, limits } = state
  return plan.type !== 'single' && attempts.length === 1 && resumes < limits.maxResumes
}

function ticked(state: Live, atMs: number, stallAtMs: number): Step {
  if (state.phase === 'comparing') return { state, effects: [] }
  if (state.hedgeAtMs === undefined || atMs < state.hedgeAtMs) return { state, effects: [] }
  if (state.phase === 'streaming') {
    const next = { ...state, hedgeAtMs: stallAtMs }
    if (!mayJoinLeader(next) || next.paused) return { state: next, effects: [] }
    return open({ ...next, resumes: next.resumes + 1 }, 'stall', true)
  }
  const { hedgeAtMs: _, ...rest } = state
  return open({ ...rest, hedged: true }, state.phase === 'opening' ? 'hedge' : 'resume', true)
}

function completed(state: Live, attempt: number): Step {
  if (state.phase === 'comparing') {
    const { plan } = state
    const next = withStatus(state, attempt, 'complete')
    const complete = next.attempts.filter(({ status }) => status === 'complete').length
    const enough = plan.type === 'quorum' && complete >= plan.agree
    return { state: next, effects: enough ? [{ type: 'compare' }] : [] }
  }
  // A complete answer without a visible piece is valid, too.
  const led = began(state, attempt)
  return end(led.state as Live, [...led.effects, { type: 'finish', attempt }])
}

function compared(state: Live, winner: number | undefined): Step {
  if (state.phase !== 'comparing' || state.plan.type !== 'quorum') return { state, effects: [] }
  if (winner !== undefined) {
    const losers = state.attempts.filter(({ id }) => id !== winner)
    return end(state, [
      ...losers.map(({ id }): DispatchEffect => ({ type: 'cancel', attempt: id })),
      { type: 'lead', attempt: winner },
      { type: 'finish', attempt: winner },
    ])
  }
  if (state.attempts.some(({ status }) => status !== 'complete')) return { state, effects: [] }
  if (state.attempts.length < state.plan.of) return open(state, 'quorum', false)
  return end(state, [{ type: 'fail', why: 'quorum' }])
}

/** An attempt ended without an answer, or never started. */
function lost(
  state: Live,
  attempt: number,
  recovery: Recovery,
  cause: 'no-candidate' | 'failure' | 'final',
): Step {
  const next = without(state, attempt)
  const wasConcurrent = state.attempts.some(({ id, concurrent }) => id === attempt && concurrent)
  // An answer whose end was received is complete, whatever its peer sends after that.
  const whole = recovery === 'end' && (next.phase === 'streaming' || next.phase === 'resuming')
  if (cause === 'final' && !whole) {
    const running = next.attempts.map(({ id }): DispatchEffect => ({ type: 'cancel', attempt: id }))
    return end(next, [...running, { type: 'fail', why: 'attempts' }])
  }
  // If no peer could join at once, a search may still find one.
  const why = cause === 'no-candidate' && !wasConcurrent ? 'no-candidate' : 'failure'
  switch (next.phase) {
    case 'opening':
      return next.attempts.length > 0 ? { state: next, effects: [] } : retry(next, why)
    case 'comparing':
      return replace(next, why)
    case 'streaming':
      if (attempt !== next.leader) {
        // Only the usage is missing, and it is late: the client can end the answer without it.
        if (recovery === 'end') return end(next, [{ type: 'finish' }])
        // No peer was asked, so no resume is used up.
        const resumes = cause === 'no-candidate' ? next.resumes - 1 : next.resumes
        return concurrentEnded({ ...next, resumes })
      }
      return recover(resuming(next), recovery)
    case 'resuming':
      if (next.attempts.length > 0) return { state: next, effects: [] }
      if (why === 'no-candidate') return unrecovered(next, recovery)
      return recover(next, recovery)
    default:
      return next satisfies never
  }
}

/** Does not count an attempt that reached no peer: a book full of departed peers is no reason to give up early. */
function uncounted(state: Live, attempt: number): Live {
  const sequential = state.attempts.some(({ id, concurrent }) => id === attempt && !concurrent)
  const isTry = sequential && (state.phase === 'opening' || state.phase === 'comparing')
  const isResume = sequential && state.phase === 'resuming'
  return {
    ...state,
    tries: state.tries - (isTry ? 1 : 0),
    resumes: state.resumes - (isResume ? 1 : 0),
    unreachable: state.unreachable + 1,
  }
}

function mayTry({ tries, unreachable, limits }: Live): boolean {
  return tries < limits.maxAttempts && unreachable < limits.maxUnreachable
}

function retry(state: Live, cause: 'no-candidate' | 'failure'): Step {
  if (cause === 'no-candidate' || !mayTry(state)) {
    return end(state, [{ type: 'fail', why: 'attempts' }])
  }
  return open(opening(state), 'retry', false)
}

/** Back to the start, without a deadline: until the next peer is chosen, no peer can be slow. */
function opening({ plan, limits, nextAttempt, tries, unreachable, resumes, attempts }: Live): Live {
  return {
    ...{ plan, limits, nextAttempt, tries, unreachable, resumes, attempts },
    phase: 'opening',
    hedged: false,
  }
}

/** The leader is lost. Its last deadline stays for a concurrent attempt, if there is one. */
function resuming(
  state: Extract<Live, { phase: 'streaming' }>,
): Extract<Live, { phase: 'resuming' }> {
  const { plan, limits, nextAttempt, tries, unreachable, resumes, attempts, hedgeAtMs } = state
  const keeps = plan.type === 'hedge' && attempts.length > 0 && hedgeAtMs !== undefined
  return {
    ...{ plan, limits, nextAttempt, tries, unreachable, resumes, attempts },
    ...(keeps && { hedgeAtMs }),
    phase: 'resuming',
    hedged: false,
  }
}

/** Replaces a failed attempt of a quorum. */
function replace(
  state: Extract<Live, { phase: 'comparing' }>,
  cause: 'no-candidate' | 'failure',
): Step {
  if (cause === 'failure' && mayTry(state)) {
    return open(state, 'quorum', false)
  }
  const { attempts, plan } = state
  const needed = plan.type === 'quorum' ? plan.agree : 0
  if (attempts.length >= needed && attempts.some(({ status }) => status !== 'complete')) {
    return { state, effects: [] }
  }
  const running = attempts.map(({ id }): DispatchEffect => ({ type: 'cancel', attempt: id }))
  return end(state, [...running, { type: 'fail', why: 'quorum' }])
}

/** The attempt concurrent with a paused leader has ended: the leader is read again. */
function concurrentEnded(state: Extract<Live, { phase: 'streaming' }>): Step {
  if (!state.paused || state.attempts.length > 1) return { state, effects: [] }
  return {
    state: { ...state, paused: false },
    effects: [{ type: 'unpause', attempt: state.leader }],
  }
}

function recover(state: Extract<Live, { phase: 'resuming' }>, recovery: Recovery): Step {
  if (recovery === 'end') {
    const running = state.attempts.map(
      ({ id }): DispatchEffect => ({ type: 'cancel', attempt: id }),
    )
    return end(state, [...running, { type: 'finish' }])
  }
  // An attempt concurrent with the leader continues from the same position.
  if (state.attempts.length > 0) return { state, effects: [] }
  if (recovery !== 'resume') return unrecovered(state, recovery)
  const { hedgeAtMs: _, ...rest } = state
  const { resumes, unreachable, limits } = rest
  if (resumes >= limits.maxResumes || unreachable >= limits.maxUnreachable)
    return end(rest, [{ type: 'fail', why: 'resumes' }])
  return open({ ...rest, resumes: resumes + 1, hedged: false }, 'resume', false)
}

function unrecovered(state: Live, recovery: Recovery): Step {
  if (recovery === 'restart' && mayTry(state)) {
    const step = open(opening(state), 'retry', false)
    return { state: step.state, effects: [{ type: 'restart' }, ...step.effects] }
  }
  return end(state, [{ type: 'fail', why: 'not-resumable' }])
}
