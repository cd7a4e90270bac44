import { InferenceError } from '../../protocol/index.ts'
import { type Clock, delay } from '../../timing/index.ts'

/** How long an order of this machine's owner waits for the answers of a model. A check of another peer's answer takes less. */
const WAIT_MS = 5_000
const AGAIN_MS = 100

/** Does what an engine refuses while a model answers. @throws what it throws; its refusal, if the model answers on */
export async function onceIdle<T>(work: () => Promise<T>, clock: Clock): Promise<T> {
  const untilMs = clock.now() + WAIT_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const isAnswering = error instanceof InferenceError && error.code === 'over_capacity'
      if (!isAnswering || clock.now() >= untilMs) throw error
    }
    await delay(AGAIN_MS, { clock })
  }
}
