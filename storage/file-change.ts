import { unwatchFile, watchFile } from 'node:fs'

const POLL_MS = 1_000

/** Calls `listener` when the file changes, appears or goes away; once, too, if it is missing at the start. */
export function onFileChange(path: string, listener: () => void): Disposable {
  // By polling: it also notices files that are replaced, on every file system.
  watchFile(path, { interval: POLL_MS, persistent: false }, listener)
  return { [Symbol.dispose]: () => unwatchFile(path, listener) }
}
