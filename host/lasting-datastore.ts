import { BaseDatastore } from 'datastore-core'
import { type DiskFault, diskFaultOf } from '../storage/index.ts'
import { type Clock, every } from '../timing/index.ts'

type Key = Parameters<BaseDatastore['get']>[0]
type Pair = { readonly key: Key; readonly value: Uint8Array }
type Query = Parameters<BaseDatastore['query']>[0]
type KeyQuery = Parameters<BaseDatastore['queryKeys']>[0]
type Options = Parameters<BaseDatastore['get']>[1]

/** A datastore on a disk that can be closed and opened again. */
export type DiskDatastore = BaseDatastore & {
  open(): Promise<void>
  close(): Promise<void>
}

export interface LastingDatastoreInit {
  readonly disk: DiskDatastore
  /** Whether the disk's datastore is open already. */
  readonly opened: boolean
  readonly clock: Clock
  /** Called when a write to the disk fails, and when everything is saved again. */
  readonly onFault: (fault: DiskFault | undefined) => void
}

/** For {@link LastingDatastoreInit.onFault}: reports to the operator what is saved at `place`, and what is not. */
export function reportedSaving(
  place: string,
  report: (message: string) => void,
): LastingDatastoreInit['onFault'] {
  return (fault) =>
    report(
      fault === undefined
        ? `${place} is saved again`
        : `cannot write to ${place}: ${fault.reason}. Requests continue; records of peers stay in memory until there is room`,
    )
}

/** The error of a missing key, as datastores throw it. */
class NotFoundError extends Error {
  override readonly name: string = 'NotFoundError'
}

/** Interval of retries after a failed write. */
const RETRY_MS = 10_000

/**
 * A datastore that continues in memory when writes to the disk fail, and saves that content once they succeed. Its
 * content can be learned again, so no request may fail for it.
 */
export class LastingDatastore extends BaseDatastore {
  readonly #init: LastingDatastoreInit
  readonly #memory = new Map<string, Pair>()
  /** Keys deleted while writes to the disk failed. */
  readonly #deleted = new Map<string, Key>()
  readonly #timer: Disposable
  #failing: boolean
  #saving = false

  constructor(init: LastingDatastoreInit) {
    super()
    this.#init = init
    this.#failing = !init.opened
    this.#timer = every(init.clock, RETRY_MS, () => void this.save())
  }

  override async put(key: Key, value: Uint8Array, options?: Options): Promise<Key> {
    if (await this.#onDisk(() => this.#init.disk.put(key, value, options))) return key
    this.#deleted.delete(key.toString())
    this.#memory.set(key.toString(), { key, value })
    return key
  }

  override async delete(key: Key, options?: Options): Promise<void> {
    if (await this.#onDisk(() => this.#init.disk.delete(key, options))) return
    this.#memory.delete(key.toString())
    this.#deleted.set(key.toString(), key)
  }

  override async get(key: Key, options?: Options): Promise<Uint8Array> {
    if (this.#isShadowed(key)) return this.#held(key)
    try {
      return await this.#init.disk.get(key, options)
    } catch (error) {
      if (!this.#failing && diskFaultOf(error) === undefined) throw error
      // Neither in memory nor on the disk.
      return this.#held(key)
    }
  }

  override async has(key: Key, options?: Options): Promise<boolean> {
    if (this.#isShadowed(key)) return this.#memory.has(key.toString())
    return await Promise.resolve(this.#init.disk.has(key, options)).catch((error: unknown) => {
      if (!this.#failing && diskFaultOf(error) === undefined) throw error
      return false
    })
  }

  override async *query(query: Query, options?: Options): AsyncGenerator<Pair> {
    for (const pair of this.#memory.values()) {
      if (isUnder(pair.key, query) && (query.filters ?? []).every((fits) => fits(pair))) yield pair
    }
    yield* this.#fromDisk(
      () => this.#init.disk.query(query, options),
      ({ key }) => key,
    )
  }

  override async *queryKeys(query: KeyQuery, options?: Options): AsyncGenerator<Key> {
    for (const { key } of this.#memory.values()) {
      if (isUnder(key, query) && (query.filters ?? []).every((fits) => fits(key))) yield key
    }
    yield* this.#fromDisk(
      () => this.#init.disk.queryKeys(query, options),
      (key) => key,
    )
  }

  /** Tries the disk again and saves what is in memory. Never rejects. */
  async save(): Promise<void> {
    if (!this.#failing || this.#saving) return
    this.#saving = true
    try {
      const { disk } = this.#init
      // After a failed write LevelDB accepts no other until it is reopened.
      await disk.close().catch(() => undefined)
      await disk.open()
      while (this.#memory.size > 0 || this.#deleted.size > 0) await this.#saveAll()
      this.#failing = false
      this.#init.onFault(undefined)
    } catch {
      // Still failing: the next round tries again.
    } finally {
      this.#saving = false
    }
  }

  async close(): Promise<void> {
    this.#timer[Symbol.dispose]()
    await this.save()
    await this.#init.disk.close()
  }

  /** Changes made meanwhile are left to the next round. */
  async #saveAll(): Promise<void> {
    const { disk } = this.#init
    for (const [name, key] of [...this.#deleted]) {
      await disk.delete(key)
      if (this.#deleted.get(name) === key) this.#deleted.delete(name)
    }
    for (const [name, pair] of [...this.#memory]) {
      await disk.put(pair.key, pair.value)
      if (this.#memory.get(name) === pair) this.#memory.delete(name)
    }
  }

  /** @returns false if the write to the disk failed and memory has to hold the entry */
  async #onDisk(run: () => unknown): Promise<boolean> {
    if (this.#failing) return false
    try {
      await run()
      return true
    } catch (error) {
      const fault = diskFaultOf(error)
      if (fault === undefined) throw error
      if (!this.#failing) this.#init.onFault(fault)
      this.#failing = true
      return false
    }
  }

  #held(key: Key): Uint8Array {
    const pair = this.#memory.get(key.toString())
    if (pair === undefined) throw new NotFoundError(`${key.toString()} is not there`)
    return pair.value
  }

  #isShadowed(key: Key): boolean {
    return this.#memory.has(key.toString()) || this.#deleted.has(key.toString())
  }

  async *#fromDisk<T>(
    read: () => Iterable<T> | AsyncIterable<T>,
    keyOf: (item: T) => Key,
  ): AsyncGenerator<T> {
    try {
      for await (const item of read()) if (!this.#isShadowed(keyOf(item))) yield item
    } catch (error) {
      if (!this.#failing && diskFaultOf(error) === undefined) throw error
    }
  }
}

function isUnder(key: Key, { prefix }: { readonly prefix?: string }): boolean {
  return prefix === undefined || key.toString().startsWith(prefix)
}
