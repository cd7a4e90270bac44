import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { lockDataDirInTurn } from '../../host/index.ts'
import {
  codeOf,
  makeDirectory,
  NEWER_FORMAT,
  reportDamage,
  writeAtomic,
} from '../../storage/index.ts'
import { everyTogether, systemClock } from '../../timing/index.ts'
import { isOfNewerVersion, type Lesson, Reputation } from './reputation/index.ts'

const FILE = 'reputation.json'
/** Directory of the lock that the writing process holds. */
const LOCK_DIR = 'reputation.lock'
/** Max time of lessons lost in a crash. */
const SAVE_EVERY_MS = 60_000
/** Max delay until changes of another process are seen, for example a forgotten peer. */
const LOOK_EVERY_MS = 5_000
/** Max lessons kept while saving fails; the oldest are dropped, but no marks of the owner. */
const MAX_UNSAVED = 50_000

/** A reputation that is stored in a directory. */
export interface SavedReputation extends AsyncDisposable {
  readonly reputation: Reputation
  /** The stored file could not be read, and was renamed. */
  readonly broken: boolean
  /** Number of invalid rows that were skipped. */
  readonly dropped: number
  /** Loads changes saved by other processes, if there are any. */
  refresh(): Promise<void>
  /** Merges new lessons into the stored file. @throws if it cannot be read or written; the lessons stay in memory */
  save(): Promise<void>
}

/**
 * Loads the stored reputation, saves it every minute and on disposal, and checks every five seconds for changes by other
 * processes. Processes write in turn, each merging its lessons into the file. A damaged file is renamed to
 * `reputation.json.damaged`. One that this process may not read, that the disk does not give, or that a newer version
 * wrote, is left as it is: nothing is saved until it can be read.
 *
 * @param dataDir undefined: nothing is stored
 * @param now milliseconds since 1970
 * @param onFault receives messages for the operator: standings, and quarantines with them, were lost or cannot be read
 */
export async function openReputation(
  dataDir: string | undefined,
  now: () => number,
  onFault: (message: string) => void = () => {},
): Promise<SavedReputation> {
  if (dataDir === undefined) {
    const nothing = (): Promise<void> => Promise.resolve()
    return {
      reputation: new Reputation(now),
      broken: false,
      dropped: 0,
      refresh: nothing,
      save: nothing,
      [Symbol.asyncDispose]: nothing,
    }
  }
  const store = new Store(dataDir, now, onFault)
  const { broken, dropped } = await store.open()
  // A full disk is not fatal: the reputation stays in memory.
  const timers = [
    everyTogether(systemClock, SAVE_EVERY_MS, () => void store.save().catch(() => {})),
    everyTogether(systemClock, LOOK_EVERY_MS, () => void store.refresh().catch(() => {})),
  ]
  return {
    reputation: store.reputation,
    broken,
    dropped,
    refresh: () => store.refresh(),
    save: () => store.save(),
    async [Symbol.asyncDispose]() {
      for (const timer of timers) timer[Symbol.dispose]()
      await store.save().catch(() => {})
    },
  }
}

/** The file, and the lessons learned since it was read. */
class Store {
  readonly reputation: Reputation
  readonly #dataDir: string
  readonly #path: string
  readonly #onFault: (message: string) => void
  #unsaved: Lesson[] = []
  /** Identifies the version of the file that was loaded last. */
  #version = ''
  /** Whether the operator was told so, until it can be read again. */
  #isUnreadable: boolean = false
  /** Serializes the reads and writes of this process. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(dataDir: string, now: () => number, onFault: (message: string) => void) {
    this.#dataDir = dataDir
    this.#onFault = onFault
    this.#path = join(dataDir, FILE)
    this.reputation = new Reputation(now, (lesson) => {
      this.#unsaved.push(lesson)
      if (this.#unsaved.length <= MAX_UNSAVED) return
      const oldest = this.#unsaved.findIndex(({ type }) => type !== 'marked')
      if (oldest >= 0) this.#unsaved.splice(oldest, 1)
    })
  }

  async open(): Promise<{ readonly broken: boolean; readonly dropped: number }> {
    const version = await this.#versionOf()
    // The operator is told if it cannot be read; the next look tries again.
    const saved = await this.#content().catch(() => undefined)
    if (saved === undefined) return { broken: false, dropped: 0 }
    const loaded = this.reputation.rebase(parsed(saved))
    if (loaded === undefined) {
      await this.#putAside('standings start anew, and peers in quarantine may be asked again')
      return { broken: true, dropped: 0 }
    }
    this.#version = version
    const { dropped } = loaded
    if (dropped > 0) this.#onFault(`${this.#path}: ${dropped} invalid standings were left out`)
    return { broken: false, dropped }
  }

  refresh(): Promise<void> {
    return this.#inTurn(async () => {
      if ((await this.#versionOf()) !== this.#version) await this.#rebase()
    })
  }

  save(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#unsaved.length === 0) return
      await makeDirectory(this.#dataDir)
      const unlock = await lockDataDirInTurn(join(this.#dataDir, LOCK_DIR))
      try {
        if (!(await this.#rebase())) {
          await this.#putAside('the standings in memory replace it')
        }
        await this.#write()
      } finally {
        await unlock()
      }
    })
  }

  /** @returns false if the file is damaged. @throws if it cannot be read */
  async #rebase(): Promise<boolean> {
    const version = await this.#versionOf()
    const saved = await this.#content()
    if (saved === undefined) return true
    const loaded = this.reputation.rebase(parsed(saved), this.#unsaved)
    if (loaded !== undefined) this.#version = version
    return loaded !== undefined
  }

  async #write(): Promise<void> {
    const written = new Set(this.#unsaved)
    await writeAtomic(this.#path, JSON.stringify(this.reputation))
    this.#unsaved = this.#unsaved.filter((lesson) => !written.has(lesson))
    this.#version = await this.#versionOf()
  }

  /** @returns undefined without a file; empty, hence damaged, for a directory. @throws if it cannot be read */
  async #content(): Promise<string | undefined> {
    try {
      const content = await readFile(this.#path, 'utf8')
      if (isOfNewerVersion(parsed(content))) throw new Error(NEWER_FORMAT)
      this.#isUnreadable = false
      return content
    } catch (error) {
      const code = codeOf(error)
      if (code === 'ENOENT') return undefined
      if (code === 'EISDIR') return ''
      if (!this.#isUnreadable) {
        this.#isUnreadable = true
        const [why, advice] =
          code === undefined ? [NEWER_FORMAT, ''] : [code, '. Check its owner and its disk']
        this.#onFault(
          `${this.#path} cannot be read (${why}): until it can, nothing is saved, and its quarantines, denied and trusted peers are not known to processes that start${advice}`,
        )
      }
      throw error
    }
  }

  async #putAside(consequence: string): Promise<void> {
    await reportDamage(this.#path, { consequence, onFault: this.#onFault })
  }

  /** Differs for every version of the file. */
  async #versionOf(): Promise<string> {
    const found = await stat(this.#path, { bigint: true }).catch(() => undefined)
    return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs}`
  }

  async #inTurn(run: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(run)
    this.#turn = mine.catch(() => {})
    await mine
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
