import type { AttemptReason } from '../../protocol/index.ts'
import type { Plan, RequestLimits } from '../request/index.ts'
/** An attempt, from the decision to make it until its end. */
export interface Lane {
  readonly id: number
  readonly reason: AttemptReason
  /** Started while other attempts were running. */
  readonly beside: boolean
  /** `choosing` a peer; `waiting` for its first piece, or streaming; `complete`: its whole answer is held (quorum). */
  readonly status: 'choosing' | 'waiting' | 'complete'
}

interface Common {
  readonly plan: Plan
  readonly limits: Pick<RequestLimits, 'maxAttempts' | 'maxResumes' | 'maxUnreachable'>
  /** Attempts that have not ended. */
  readonly lanes: readonly Lane[]
  readonly nextLane: number
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
 * - `opening`: no peer has begun to answer. At `asideAtMs` another attempt joins.
 * - `comparing`: a quorum; complete answers are held until enough of them agree.
 * - `streaming`: the leader's pieces go to the caller. At `asideAtMs` it counts as stalled.
 * - `resuming`: the leader is lost, and another peer is to continue the answer.
 */
export type DispatchState =
  | (Common & { readonly phase: 'opening'; readonly asideAtMs?: number; readonly asided: boolean })
  | (Common & { readonly phase: 'comparing'; readonly compared: number })
  | (Common & {
      readonly phase: 'streaming'
      readonly leader: number
      readonly asideAtMs?: number
      /** The leader is not read while another peer is tried that may be faster. */
      readonly parked: boolean
    })
  | (Common & { readonly phase: 'resuming'; readonly asideAtMs?: number; readonly asided: boolean })
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
      readonly lane: number
      /** When a second attempt is worth its cost if this one has not begun by then. */
      readonly asideAtMs: number
      /** When a further attempt is worth its cost, once a second one is running. */
      readonly overdueAtMs: number
    }
  /** A lone attempt reports that its first piece will come before another peer could send one. */
  | { readonly type: 'nearing'; readonly lane: number; readonly asideAtMs: number }
  /** There is no peer to ask, or no budget left. */
  | { readonly type: 'unchosen'; readonly lane: number; readonly recovery: Recovery }
  /** The first piece that counts: a visible one, or any token of a resume. */
  | { readonly type: 'began'; readonly lane: number }
  /** The leader made progress; it counts as stalled if no piece arrives by `stallAtMs`. */
  | { readonly type: 'progressed'; readonly stallAtMs: number }
  /** The leader sends too few tokens per second. */
  | { readonly type: 'dawdled' }
  | { readonly type: 'completed'; readonly lane: number }
  /** `final`: the request is sent to no further peer. `unreached`: its peer never received the request. */
  | {
      readonly type: 'failed'
      readonly lane: number
      readonly recovery: Recovery
      readonly final: boolean
      readonly unreached: boolean
    }
  /** Complete answers were compared. */
  | { readonly type: 'compared'; readonly winner: number | undefined }
  | { readonly type: 'ticked'; readonly atMs: number; readonly stallAtMs: number }

export type DispatchEffect =
  /** `beside`: while others run; only if another peer is known that can be asked at once. */
  | {
      readonly type: 'open'
      readonly lane: number
      readonly reason: AttemptReason
      readonly beside: boolean
    }
  | { readonly type: 'cancel'; readonly lane: number }
  /** From now on the pieces of this attempt go to the caller, the held ones first. */
  | { readonly type: 'lead'; readonly lane: number }
  | { readonly type: 'park' | 'unpark'; readonly lane: number }
  | { readonly type: 'compare' }
  /** The caller's answer starts again. */
  | { readonly type: 'restart' }
  /** The answer is complete; `lane` reported its usage. Without `lane` the client ends the answer. */
  | { readonly type: 'finish'; readonly lane?: number }
  | { readonly type: 'fail'; readonly why: 'attempts' | 'resumes' | 'not-resumable' | 'quorum' }

export interface Step {
  readonly state: DispatchState
  readonly effects: readonly DispatchEffect[]
}

/** @param begun the caller already has part of the answer, from another source */
export function initialState(plan: Plan, limits: Common['limits'], begun = false): DispatchState {
  const common = { plan, limits, lanes: [], nextLane: 0, tries: 0, unreachable: 0, resumes: 0 }
  if (begun) return { ...common, phase: 'resuming', asided: false }
  return plan.type === 'quorum'
    ? { ...common, phase: 'comparing', compared: 0 }
    : { ...common, phase: 'opening', asided: false }
}

/** Every step that a request may take. Pure: time arrives with the inputs, work leaves as effects. */
export function transition(state: DispatchState, input: DispatchInput): Step {
  if (state.phase === 'ended') return { state, effects: [] }
  if ('lane' in input && !state.lanes.some(({ id }) => id === input.lane)) {
    return { state, effects: [] }
  }
  switch (input.type) {
    case 'start':
      return start(state)
    case 'chosen':
      return chosen(state, input)
    case 'nearing':
      return nearing(state, input.asideAtMs)
    case 'unchosen':
      return lost(state, input.lane, input.recovery, 'no-candidate')
    case 'began':
      return began(state, input.lane)
    case 'progressed':
      return progressed(state, input.stallAtMs)
    case 'dawdled':
      return dawdled(state)
    case 'completed':
      return completed(state, input.lane)
    case 'failed':
      return lost(
        input.unreached ? uncounted(state, input.lane) : state,
        input.lane,
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

function open(state: Live, reason: AttemptReason, beside: boolean): Step {
  const id = state.nextLane
  const sequential = !beside && (state.phase === 'opening' || state.phase === 'comparing')
  return {
    state: {
      ...state,
      nextLane: id + 1,
      lanes: [...state.lanes, { id, reason, beside, status: 'choosing' }],
      tries: state.tries + (sequential ? 1 : 0),
    },
    effects: [{ type: 'open', lane: id, reason, beside }],
  }
}

function withStatus(state: Live, id: number, status: Lane['status']): Live {
  const lanes = state.lanes.map((lane) => (lane.id === id ? { ...lane, status } : lane))
  return { ...state, lanes }
}

function without(state: Live, id: number): Live {
  return { ...state, lanes: state.lanes.filter((lane) => lane.id !== id) }
}

function end(state: Live, effects: readonly DispatchEffect[]): Step {
  return { state: { ...state, phase: 'ended' }, effects }
}

/** Most attempts that wait for a first piece at once. More than two, as peers may only claim to be working. */
const MAX_WAITING = 4

function chosen(state: Live, input: Extract<DispatchInput, { type: 'chosen' }>): Step {
  const next = withStatus(state, input.lane, 'waiting')
  const opening = next.phase === 'opening' || next.phase === 'resuming'
  const mayJoin = opening && next.plan.type === 'hedge' && next.lanes.length < MAX_WAITING
  if (!mayJoin) return { state: next, effects: [] }
  const asideAtMs = next.asided ? input.overdueAtMs : input.asideAtMs
  return { state: { ...next, asideAtMs }, effects: [] }
}

/** Moves the second attempt back, never forward. */
function nearing(state: Live, asideAtMs: number): Step {
  const waits = state.phase === 'opening' || state.phase === 'resuming'
  if (!waits || state.lanes.length > 1 || state.asideAtMs === undefined)
    return { state, effects: [] }
  return { state: { ...state, asideAtMs: Math.max(state.asideAtMs, asideAtMs) }, effects: [] }
}

function began(state: Live, lane: number): Step {
  if (state.phase === 'comparing') return { state, effects: [] }
  if (state.phase === 'streaming' && state.leader === lane) return { state, effects: [] }
  const { plan, limits, nextLane, tries, unreachable, resumes } = state
  const others = state.lanes.filter(({ id }) => id !== lane)
  const lanes = state.lanes.filter(({ id }) => id === lane)
  return {
    state: {
      ...{ plan, limits, nextLane, tries, unreachable, resumes, lanes },
      phase: 'streaming',
      leader: lane,
      parked: false,
    },
    effects: [
      ...others.map(({ id }): DispatchEffect => ({ type: 'cancel', lane: id })),
      { type: 'lead', lane },
    ],
  }
}

function progressed(state: Live, stallAtMs: number): Step {
  if (state.phase !== 'streaming') return { state, effects: [] }
  // Attempts beside the leader continue from an older position and would repeat the piece that just arrived.
  const stale = state.lanes.filter(({ id }) => id !== state.leader)
  const lanes = state.lanes.filter(({ id }) => id === state.leader)
  return {
    state: { ...state, lanes, asideAtMs: stallAtMs, parked: false },
    effects: stale.map(({ id }) => ({ type: 'cancel', lane: id })),
  }
}

function dawdled(state: Live): Step {
  if (state.phase !== 'streaming' || !mayJoinLeader(state)) return { state, effects: [] }
  const { leader } = state
  const step = open({ ...state, parked: true, resumes: state.resumes + 1 }, 'slow', true)
  return { state: step.state, effects: [{ type: 'park', lane: leader }, ...step.effects] }
}

/** `single` means one peer at a time. */
function mayJoinLeader(state: Extract<DispatchState, { phase: 'streaming' }>): boolean {
  const { plan, lanes, resumes, limits } = state
  return plan.type !== 'single' && lanes.length === 1 && resumes < limits.maxResumes
}

function ticked(state: Live, atMs: number, stallAtMs: number): Step {
  if (state.phase === 'comparing') return { state, effects: [] }
  if (state.asideAtMs === undefined || atMs < state.asideAtMs) return { state, effects: [] }
  if (state.phase === 'streaming') {
    const next = { ...state, asideAtMs: stallAtMs }
    if (!mayJoinLeader(next) || next.parked) return { state: next, effects: [] }
    return open({ ...next, resumes: next.resumes + 1 }, 'stall', true)
  }
  const { asideAtMs: _, ...rest } = state
  return open({ ...rest, asided: true }, state.phase === 'opening' ? 'hedge' : 'resume', true)
}

function completed(state: Live, lane: number): Step {
  if (state.phase === 'comparing') {
    const { plan } = state
    const next = withStatus(state, lane, 'complete')
    const complete = next.lanes.filter(({ status }) => status === 'complete').length
    const enough = plan.type === 'quorum' && complete >= plan.agree
    return { state: next, effects: enough ? [{ type: 'compare' }] : [] }
  }
  // A complete answer without a visible piece is valid, too.
  const led = began(state, lane)
  return end(led.state as Live, [...led.effects, { type: 'finish', lane }])
}

function compared(state: Live, winner: number | undefined): Step {
  if (state.phase !== 'comparing' || state.plan.type !== 'quorum') return { state, effects: [] }
  if (winner !== undefined) {
    const losers = state.lanes.filter(({ id }) => id !== winner)
    return end(state, [
      ...losers.map(({ id }): DispatchEffect => ({ type: 'cancel', lane: id })),
      { type: 'lead', lane: winner },
      { type: 'finish', lane: winner },
    ])
  }
  if (state.lanes.some(({ status }) => status !== 'complete')) return { state, effects: [] }
  if (state.lanes.length < state.plan.of) return open(state, 'quorum', false)
  return end(state, [{ type: 'fail', why: 'quorum' }])
}

/** An attempt ended without an answer, or never started. */
function lost(
  state: Live,
  lane: number,
  recovery: Recovery,
  cause: 'no-candidate' | 'failure' | 'final',
): Step {
  const next = without(state, lane)
  const wasBeside = state.lanes.some(({ id, beside }) => id === lane && beside)
  // An answer whose end was received is complete, whatever its peer sends after that.
  const whole = recovery === 'end' && (next.phase === 'streaming' || next.phase === 'resuming')
  if (cause === 'final' && !whole) {
    const running = next.lanes.map(({ id }): DispatchEffect => ({ type: 'cancel', lane: id }))
    return end(next, [...running, { type: 'fail', why: 'attempts' }])
  }
  // If no peer could join at once, a search may still find one.
  const why = cause === 'no-candidate' && !wasBeside ? 'no-candidate' : 'failure'
  switch (next.phase) {
    case 'opening':
      return next.lanes.length > 0 ? { state: next, effects: [] } : retry(next, why)
    case 'comparing':
      return replace(next, why)
    case 'streaming':
      if (lane !== next.leader) {
        // Only the usage is missing, and it is late: the client can end the answer without it.
        if (recovery === 'end') return end(next, [{ type: 'finish' }])
        // No peer was asked, so no resume is used up.
        const resumes = cause === 'no-candidate' ? next.resumes - 1 : next.resumes
        return withoutCompany({ ...next, resumes })
      }
      return recover(resuming(next), recovery)
    case 'resuming':
      if (next.lanes.length > 0) return { state: next, effects: [] }
      if (why === 'no-candidate') return unrecovered(next, recovery)
      return recover(next, recovery)
    default:
      return next satisfies never
  }
}

/** Does not count an attempt that reached no peer: a book full of departed peers is no reason to give up early. */
function uncounted(state: Live, lane: number): Live {
  const sequential = state.lanes.some(({ id, beside }) => id === lane && !beside)
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
function opening({ plan, limits, nextLane, tries, unreachable, resumes, lanes }: Live): Live {
  return {
    ...{ plan, limits, nextLane, tries, unreachable, resumes, lanes },
    phase: 'opening',
    asided: false,
  }
}

/** The leader is lost. Its last deadline stays for the attempt beside it, if there is one. */
function resuming(
  state: Extract<Live, { phase: 'streaming' }>,
): Extract<Live, { phase: 'resuming' }> {
  const { plan, limits, nextLane, tries, unreachable, resumes, lanes, asideAtMs } = state
  const keeps = plan.type === 'hedge' && lanes.length > 0 && asideAtMs !== undefined
  return {
    ...{ plan, limits, nextLane, tries, unreachable, resumes, lanes },
    ...(keeps && { asideAtMs }),
    phase: 'resuming',
    asided: false,
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
  const { lanes, plan } = state
  const needed = plan.type === 'quorum' ? plan.agree : 0
  if (lanes.length >= needed && lanes.some(({ status }) => status !== 'complete')) {
    return { state, effects: [] }
  }
  const running = lanes.map(({ id }): DispatchEffect => ({ type: 'cancel', lane: id }))
  return end(state, [...running, { type: 'fail', why: 'quorum' }])
}

/** The attempt beside the leader has ended: the leader is read again. */
function withoutCompany(state: Extract<Live, { phase: 'streaming' }>): Step {
  if (!state.parked || state.lanes.length > 1) return { state, effects: [] }
  return { state: { ...state, parked: false }, effects: [{ type: 'unpark', lane: state.leader }] }
}

function recover(state: Extract<Live, { phase: 'resuming' }>, recovery: Recovery): Step {
  if (recovery === 'end') {
    const running = state.lanes.map(({ id }): DispatchEffect => ({ type: 'cancel', lane: id }))
    return end(state, [...running, { type: 'finish' }])
  }
  // An attempt that was started beside the leader continues from the same position.
  if (state.lanes.length > 0) return { state, effects: [] }
  if (recovery !== 'resume') return unrecovered(state, recovery)
  const { asideAtMs: _, ...rest } = state
  const { resumes, unreachable, limits } = rest
  if (resumes >= limits.maxResumes || unreachable >= limits.maxUnreachable)
    return end(rest, [{ type: 'fail', why: 'resumes' }])
  return open({ ...rest, resumes: resumes + 1, asided: false }, 'resume', false)
}

function unrecovered(state: Live, recovery: Recovery): Step {
  if (recovery === 'restart' && mayTry(state)) {
    const step = open(opening(state), 'retry', false)
    return { state: step.state, effects: [{ type: 'restart' }, ...step.effects] }
  }
  return end(state, [{ type: 'fail', why: 'not-resumable' }])
}
