import { stat } from 'node:fs/promises'
import { onFileChange } from '../../storage/index.ts'

const POLL_MS = 500

/** Files that other processes of this machine change, too. */
export class SharedFiles {
  readonly #paths: readonly string[]
  readonly #onFile: () => void
  #following: readonly Disposable[] = []
  /** Of the files when they were last read. */
  #readAt = ''

  /** @param onFile called after each change while they are followed */
  constructor(paths: readonly string[], onFile: () => void) {
    this.#paths = paths
    this.#onFile = onFile
  }

  follow(): void {
    this.#following = this.#paths.map((path) => onFileChange(path, this.#onFile, POLL_MS))
  }

  unfollow(): void {
    for (const followed of this.#following) followed[Symbol.dispose]()
    this.#following = []
  }

  /** Runs `read` if the files have changed since the last time that it succeeded. @returns undefined if they have not */
  async readChanged<T>(read: () => Promise<T>): Promise<T | undefined> {
    const version = (await Promise.all(this.#paths.map(versionOf))).join()
    if (version === this.#readAt) return undefined
    const result = await read()
    this.#readAt = version
    return result
  }
}

/** Differs after each change of the file. */
async function versionOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  return found === undefined ? '' : `${found.mtimeMs} ${found.size} ${found.ino}`
}
