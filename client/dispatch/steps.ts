import type { AttemptReason } from '../../protocol/index.ts'
import type { AttemptState, DispatchEffect, Live, Step } from './dispatch-state.ts'

export function openMany(state: Live, reasons: readonly AttemptReason[]): Step {
  return reasons.reduce<Step>(
    (step, reason, index) => {
      const opened = open(step.state as Live, reason, reason === 'race' && index > 0)
      return { state: opened.state, effects: [...step.effects, ...opened.effects] }
    },
    { state, effects: [] },
  )
}

export function open(state: Live, reason: AttemptReason, concurrent: boolean): Step {
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

/** What every phase has. */
export function carriedOn(state: Live): Omit<Live, 'phase'> {
  const { plan, limits, nextAttempt, tries, unreachable, loading, resumes, attempts } = state
  return { plan, limits, nextAttempt, tries, unreachable, loading, resumes, attempts }
}

export function withStatus(state: Live, id: number, status: AttemptState['status']): Live {
  const attempts = state.attempts.map((attempt) =>
    attempt.id === id ? { ...attempt, status } : attempt,
  )
  return { ...state, attempts }
}

export function without(state: Live, id: number): Live {
  return { ...state, attempts: state.attempts.filter((attempt) => attempt.id !== id) }
}

/** Cancels what runs. @param except goes on. @default none */
export function cancelAll({ attempts }: Pick<Live, 'attempts'>, except?: number): DispatchEffect[] {
  return attempts.flatMap(({ id }) => (id === except ? [] : { type: 'cancel', attempt: id }))
}

export function end(state: Live, effects: readonly DispatchEffect[]): Step {
  return { state: { ...state, phase: 'ended' }, effects }
}
