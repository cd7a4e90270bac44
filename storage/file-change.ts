import { unwatchFile, watchFile } from 'node:fs'

const POLL_MS = 1_000

/**
 * Calls `listener` when the file changes, appears or goes away; once, too, if it is missing at the start.
 *
 * @param pollMs between two looks. @default 1 s
 */
export function onFileChange(
  path: string,
  listener: () => void,
  pollMs: number = POLL_MS,
): Disposable {
  // By polling: it also notices files that are replaced, on every file system.
  watchFile(path, { interval: pollMs, persistent: false }, listener)
  return { [Symbol.dispose]: () => unwatchFile(path, listener) }
}
