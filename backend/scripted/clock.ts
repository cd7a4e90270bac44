import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'

/** A backend's clock. Tests inject one that they advance. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number
  /** Rejects with the signal's reason once it fires. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}

/** Wall time. A sleep of 0 still yields to other work. */
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
