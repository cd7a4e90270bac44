import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory, writeAtomic } from '../../storage/index.ts'

/** What loading a model took the last time. */
export interface MeasuredLoad {
  readonly coldStartMs: number
  readonly memoryBytes: number
}

/** Models whose last load is kept. */
const MAX_KEPT = 256
const FILE_NAME = 'loads.json'

/** Measured loads of model files, kept across starts: a model that is not in memory is advertised with them. */
export class MeasuredLoads {
  readonly #path: string | undefined
  readonly #loads: Map<string, MeasuredLoad>

  private constructor(path: string | undefined, loads: Map<string, MeasuredLoad>) {
    this.#path = path
    this.#loads = loads
  }

  /** @param directory without one nothing is kept */
  static async open(directory: string | undefined): Promise<MeasuredLoads> {
    if (directory === undefined) return new MeasuredLoads(undefined, new Map())
    const path = join(directory, FILE_NAME)
    const text = await readFile(path, 'utf8').catch(() => '{}')
    return new MeasuredLoads(path, new Map(entriesOf(text)))
  }

  /** @param key changes whenever the file does */
  get(key: string): MeasuredLoad | undefined {
    return this.#loads.get(key)
  }

  /** Saves it, too. A disk that takes nothing costs only the memory of it. */
  async note(key: string, load: MeasuredLoad): Promise<void> {
    this.#loads.delete(key)
    this.#loads.set(key, load)
    for (const oldest of this.#loads.keys()) {
      if (this.#loads.size <= MAX_KEPT) break
      this.#loads.delete(oldest)
    }
    if (this.#path === undefined) return
    const path = this.#path
    await makeDirectory(join(path, '..'))
      .then(() => writeAtomic(path, JSON.stringify(Object.fromEntries(this.#loads))))
      .catch(() => undefined)
  }
}

function entriesOf(text: string): [string, MeasuredLoad][] {
  try {
    return Object.entries(JSON.parse(text) as Record<string, MeasuredLoad>).filter(
      ([, load]) => load.coldStartMs > 0 && load.memoryBytes > 0,
    )
  } catch {
    return []
  }
}
