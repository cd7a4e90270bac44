import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory, readStored, writeAtomic } from '../../storage/index.ts'

/** The stored record of a file or a batch. */
export interface StoredRecord {
  readonly id: string
  /** Name of the API key that owns it; other keys cannot see it. */
  readonly owner: string
  /** Seconds since 1970. */
  readonly created_at: number
}

const SUFFIX = '.json'

/** Records on disk, one file each, all of them also in memory. */
export class Records<T extends StoredRecord> {
  readonly #directory: string
  readonly #records = new Map<string, T>()
  /** Writes are serialised, so that the last one wins. */
  #written: Promise<void> = Promise.resolve()

  private constructor(directory: string) {
    this.#directory = directory
  }

  /**
   * @param read parses a file's content to a record; undefined if it is not a valid one
   * @param onFault receives a message for the operator if a record is damaged, which is then set aside
   */
  static async open<T extends StoredRecord>(
    directory: string,
    read: (value: unknown) => T | undefined,
    onFault: (message: string) => void,
  ): Promise<Records<T>> {
    await makeDirectory(directory)
    const records = new Records<T>(directory)
    for (const name of await readdir(directory)) {
      if (!name.endsWith(SUFFIX)) continue
      const parse = (text: string): T | undefined => read(JSON.parse(text))
      const consequence = 'it is not listed'
      const record = await readStored(join(directory, name), { parse, consequence, onFault })
      if (record !== undefined) records.#records.set(record.id, record)
    }
    return records
  }

  get size(): number {
    return this.#records.size
  }

  get(id: string, owner: string): T | undefined {
    const record = this.#records.get(id)
    return record?.owner === owner ? record : undefined
  }

  /** Newest first. */
  of(owner: string): readonly T[] {
    return this.all().filter((record) => record.owner === owner)
  }

  /** Of all owners, newest first. */
  all(): readonly T[] {
    return [...this.#records.values()].sort(
      (a, b) => b.created_at - a.created_at || (a.id < b.id ? 1 : -1),
    )
  }

  /**
   * Replaces the record as a whole: a crash leaves the old one or the new one.
   *
   * @throws disk errors; the record is then the old one
   */
  async put(record: T): Promise<void> {
    const path = join(this.#directory, record.id + SUFFIX)
    const written = this.#written.then(() => writeAtomic(path, JSON.stringify(record)))
    this.#written = written.catch(() => {})
    await written
    this.#records.set(record.id, record)
  }

  async delete(id: string): Promise<void> {
    this.#records.delete(id)
    await rm(join(this.#directory, id + SUFFIX), { force: true })
  }
}
