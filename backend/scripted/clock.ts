import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'

/** Time as a backend sees it. Tests inject one that they move themselves. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number
  /** Rejects with the signal's reason once it fires. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}

/** Wall time. A sleep of 0 still gives other work its turn. */
export const systemClock: Clock = {
  now: () => performance.now(),
  async sleep(ms, { signal } = {}) {
    signal?.throwIfAborted()
    try {
      if (ms > 0) await wait(ms, undefined, signal === undefined ? {} : { signal })
      else await nextTurn()
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
    signal?.throwIfAborted()
  },
}
