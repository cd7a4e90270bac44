import { setTimeout as delay } from 'node:timers/promises'

/** Enough to read small weights or a cached digest. */
const WAIT_MS = 2_000

/**
 * Digests of paths, each computed once at a time: tens of gigabytes take minutes, and the engine can serve meanwhile.
 * Undefined until computed, or if the file cannot be read; the node asks again.
 */
export function digestsInBackground(
  workOut: (path: string) => Promise<string>,
  waitMs: number = WAIT_MS,
): (path: string) => Promise<string | undefined> {
  const running = new Map<string, Promise<string | undefined>>()
  return async (path) => {
    const digest =
      running.get(path) ??
      workOut(path)
        // An unreadable file leaves the model without a digest; it can still be served.
        .catch(() => undefined)
        .finally(() => running.delete(path))
    running.set(path, digest)
    return await Promise.race([digest, delay(waitMs, undefined, { ref: false })])
  }
}
