import { setTimeout as delay } from 'node:timers/promises'

/** Reading small weights, or a cached digest, takes no longer. */
const WAIT_MS = 2_000

/**
 * Digests of paths, each worked out once at a time: tens of gigabytes take minutes, and an engine can serve meanwhile.
 * Undefined as long as it is not known, or where it cannot be; the node asks again.
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
        // A file that this process may not read leaves the model without a digest, still usable.
        .catch(() => undefined)
        .finally(() => running.delete(path))
    running.set(path, digest)
    return await Promise.race([digest, delay(waitMs, undefined, { ref: false })])
  }
}
