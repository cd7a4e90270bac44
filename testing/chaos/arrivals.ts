import { setTimeout as wait } from 'node:timers/promises'

/**
 * Calls `arrive` at a steady rate, whatever became of earlier calls: a crowd does not wait for its turn.
 *
 * @returns once everything that arrived has ended
 */
export async function openLoop(init: {
  readonly perSecond: number
  /** @default until the signal fires */
  readonly durationMs?: number
  readonly until?: AbortSignal
  readonly arrive: (index: number) => Promise<unknown>
}): Promise<void> {
  const { perSecond, durationMs = Number.POSITIVE_INFINITY, until, arrive } = init
  const startedAt = performance.now()
  const running = new Set<Promise<unknown>>()
  for (let index = 0; until?.aborted !== true; index += 1) {
    const offsetMs = (index * 1_000) / perSecond
    if (offsetMs >= durationMs) break
    const dueMs = startedAt + offsetMs - performance.now()
    if (dueMs > 0) await wait(dueMs)
    const one = arrive(index).finally(() => running.delete(one))
    running.add(one)
  }
  await Promise.all(running)
}

/** Keeps this many calls in flight until the time is over, then waits for the last. */
export async function closedLoop(init: {
  readonly atOnce: number
  readonly durationMs: number
  readonly arrive: (index: number) => Promise<unknown>
}): Promise<void> {
  const until = performance.now() + init.durationMs
  let index = 0
  const worker = async (): Promise<void> => {
    while (performance.now() < until) await init.arrive(index++)
  }
  await Promise.all(Array.from({ length: init.atOnce }, worker))
}
