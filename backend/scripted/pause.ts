import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Clock, delay } from '../../timing/index.ts'

interface PauseOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Resolves after `ms`; after 0 it still lets other work run. @throws the signal's reason once it fires */
export async function pauseFor(ms: number, options: PauseOptions): Promise<void> {
  const { signal } = options
  if (ms > 0) return await delay(ms, options)
  signal.throwIfAborted()
  await nextTurn()
  signal.throwIfAborted()
}
