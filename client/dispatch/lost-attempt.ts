import type { Live, Recovery, Step } from './dispatch-state.ts'
import { cancelAll, carriedOn, end, open, without } from './steps.ts'

/** An attempt ended without an answer, or never started. */
export function lost(
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
    return end(next, [...cancelAll(next), { type: 'fail', why: 'attempts' }])
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

/**
 * Counts an attempt towards a limit of its own: neither a book full of departed peers nor an engine that starts again is
 * a reason to give up early.
 */
export function uncounted(state: Live, attempt: number, countsAs: 'loading' | 'unreachable'): Live {
  const sequential = state.attempts.some(({ id, concurrent }) => id === attempt && !concurrent)
  const isTry = sequential && (state.phase === 'opening' || state.phase === 'comparing')
  const isResume = sequential && state.phase === 'resuming'
  return {
    ...state,
    tries: state.tries - (isTry ? 1 : 0),
    resumes: state.resumes - (isResume ? 1 : 0),
    [countsAs]: state[countsAs] + 1,
  }
}

function mayTry(state: Live): boolean {
  return state.tries < state.limits.maxAttempts && maySearch(state)
}

function maySearch({ unreachable, loading, limits }: Live): boolean {
  return unreachable < limits.maxUnreachable && loading < limits.maxLoading
}

function retry(state: Live, cause: 'no-candidate' | 'failure'): Step {
  if (cause === 'no-candidate' || !mayTry(state)) {
    return end(state, [{ type: 'fail', why: 'attempts' }])
  }
  return open(opening(state), 'retry', false)
}

/** Back to the start, without a deadline: until the next peer is chosen, no peer can be slow. */
function opening(state: Live): Live {
  return { ...carriedOn(state), phase: 'opening', hedged: false }
}

/** The leader is lost. Its last deadline stays for a concurrent attempt, if there is one. */
function resuming(
  state: Extract<Live, { phase: 'streaming' }>,
): Extract<Live, { phase: 'resuming' }> {
  const { plan, attempts, hedgeAtMs } = state
  const keeps = plan.type === 'hedge' && attempts.length > 0 && hedgeAtMs !== undefined
  return {
    ...carriedOn(state),
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
  return end(state, [...cancelAll(state), { type: 'fail', why: 'quorum' }])
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
    return end(state, [...cancelAll(state), { type: 'finish' }])
  }
  // An attempt concurrent with the leader continues from the same position.
  if (state.attempts.length > 0) return { state, effects: [] }
  if (recovery !== 'resume') return unrecovered(state, recovery)
  const { hedgeAtMs: _, ...rest } = state
  const { resumes, limits } = rest
  if (resumes >= limits.maxResumes || !maySearch(rest))
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
