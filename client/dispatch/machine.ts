import type { AttemptReason } from '../../protocol/index.ts'
import type { DispatchInput, DispatchState, Live, Step } from './dispatch-state.ts'
import { lost, uncounted } from './lost-attempt.ts'
import { cancelAll, carriedOn, end, open, openMany, withStatus } from './steps.ts'

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
        input.countsAs === 'attempt' ? state : uncounted(state, input.attempt, input.countsAs),
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

function start(state: Live): Step {
  const { plan, phase, resumes } = state
  if (phase === 'resuming') return open({ ...state, resumes: resumes + 1 }, 'resume', false)
  if (plan.type === 'quorum') {
    return openMany(state, Array<AttemptReason>(plan.agree).fill('quorum'))
  }
  const others = plan.type === 'race' ? plan.peers - 1 : 0
  return openMany(state, ['first', ...Array<AttemptReason>(others).fill('race')])
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
  const attempts = state.attempts.filter(({ id }) => id === attempt)
  return {
    state: {
      ...carriedOn(state),
      attempts,
      phase: 'streaming',
      leader: attempt,
      paused: false,
    },
    effects: [...cancelAll(state, attempt), { type: 'lead', attempt }],
  }
}

function progressed(state: Live, stallAtMs: number): Step {
  if (state.phase !== 'streaming') return { state, effects: [] }
  const attempts = state.attempts.filter(({ id }) => id === state.leader)
  return {
    state: { ...state, attempts, hedgeAtMs: stallAtMs, paused: false },
    // Attempts concurrent with the leader continue from an older position and would repeat the piece that just arrived.
    effects: cancelAll(state, state.leader),
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
  const others = cancelAll(led.state, attempt)
  return end(led.state as Live, [...led.effects, ...others, { type: 'finish', attempt }])
}

function compared(state: Live, winner: number | undefined): Step {
  if (state.phase !== 'comparing' || state.plan.type !== 'quorum') return { state, effects: [] }
  if (winner !== undefined) {
    return end(state, [
      ...cancelAll(state, winner),
      { type: 'lead', attempt: winner },
      { type: 'finish', attempt: winner },
    ])
  }
  if (state.attempts.some(({ status }) => status !== 'complete')) return { state, effects: [] }
  if (state.attempts.length < state.plan.of) return open(state, 'quorum', false)
  return end(state, [{ type: 'fail', why: 'quorum' }])
}
