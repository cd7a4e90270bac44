import { setMaxListeners } from 'node:events'

/** A signal that fires at a deadline or with any of its parents. `clear` it, always. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Whether the time ran out, rather than a parent firing. */
  readonly expired: () => boolean
  /** Stops the clock and lets the parents go. */
  readonly clear: () => void
}

/** Joins a time limit and other signals in one place. */
export function createDeadline(
  timeoutMs: number,
  ...parents: readonly (AbortSignal | undefined)[]
): Deadline {
  const controller = new AbortController()
  // libp2p listens once for each address, stream and message of a dial.
  setMaxListeners(0, controller.signal)
  let expired = false
  const timer = setTimeout(() => {
    expired = true
    controller.abort(new DOMException(`took longer than ${timeoutMs} ms`, 'TimeoutError'))
  }, timeoutMs)
  const releases: (() => void)[] = []
  for (const parent of parents) {
    if (parent === undefined) continue
    const onAbort = (): void => controller.abort(parent.reason)
    if (parent.aborted) onAbort()
    else {
      parent.addEventListener('abort', onAbort, { once: true })
      releases.push(() => parent.removeEventListener('abort', onAbort))
    }
  }
  return {
    signal: controller.signal,
    expired: () => expired,
    clear: () => {
      clearTimeout(timer)
      for (const release of releases) release()
    },
  }
}

/** Waits, or returns early when the signal fires. Never throws. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
