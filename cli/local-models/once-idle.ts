import { InferenceError } from '../../protocol/index.ts'
import { type Clock, pause } from '../../timing/index.ts'

/** How long an order of this machine's owner waits for the answers of a model. A check of another peer's answer takes less. */
const WAIT_MS = 5_000
const AGAIN_MS = 100

export interface OnceIdleInit {
  readonly isAnswering: () => boolean
  readonly clock: Clock
  /** Ends the wait. */
  readonly signal: AbortSignal
}

/** Does what an engine refuses while a model answers. @throws what it throws; its refusal, if the model answers on */
export async function onceIdle<T>(work: () => Promise<T>, init: OnceIdleInit): Promise<T> {
  const { isAnswering, clock, signal } = init
  const untilMs = clock.now() + WAIT_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!InferenceError.is(error, 'over_capacity') || !isAnswering()) throw error
      if (clock.now() >= untilMs || signal.aborted) throw error
    }
    await pause(AGAIN_MS, { clock, signal })
  }
}
