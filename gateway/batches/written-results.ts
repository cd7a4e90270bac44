import { appendFile } from 'node:fs/promises'
import { codeOf, setAside } from '../../storage/index.ts'
import { dropTornLine, readLines } from './jsonl.ts'

/** Longer than any answer, so that every line written can be read back. */
const MAX_RESULT_BYTES = 134_217_728

/** Files of answers and of failures. */
export interface ResultPaths {
  readonly output: string
  readonly errors: string
}

interface WrittenLine {
  readonly custom_id?: unknown
  readonly response?: { readonly body?: { readonly usage?: WrittenUsage } } | null
}

interface WrittenUsage {
  readonly prompt_tokens?: number
  readonly completion_tokens?: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number }
}

/** The results of a batch on disk. Requests with a result are never repeated. */
export class WrittenResults {
  readonly #paths: ResultPaths
  readonly #ids = new Set<string>()
  completed = 0
  failed = 0
  readonly usage: { input: number; cached: number; output: number } = {
    input: 0,
    cached: 0,
    output: 0,
  }

  private constructor(paths: ResultPaths) {
    this.#paths = paths
  }

  /**
   * Reads earlier results, whose last line may be partial. A file with other damage is set aside, and its valid lines
   * are kept; the requests of the others run again.
   *
   * @param onFault receives a message for the operator
   */
  static async open(
    paths: ResultPaths,
    onFault: (message: string) => void = () => {},
  ): Promise<WrittenResults> {
    const results = new WrittenResults(paths)
    await results.#read(paths.output, 'completed', onFault)
    await results.#read(paths.errors, 'failed', onFault)
    return results
  }

  async #read(
    path: string,
    kind: 'completed' | 'failed',
    onFault: (message: string) => void,
  ): Promise<void> {
    const isWhole = await this.#countAll(path, kind).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return true
      if (codeOf(error) === 'EISDIR') return false
      throw error
    })
    if (isWhole) return
    const aside = await setAside(path)
    onFault(`${path} is damaged (kept as ${aside}); requests without a valid result run again`)
    if (aside === undefined) return
    for await (const { text } of linesOf(aside)) {
      if (parsed(text) !== undefined) await appendFile(path, `${text}\n`, { mode: 0o600 })
    }
  }

  /** @returns whether every line is a result */
  async #countAll(path: string, kind: 'completed' | 'failed'): Promise<boolean> {
    let isWhole = true
    await dropTornLine(path)
    for await (const { text } of linesOf(path)) {
      const line = parsed(text)
      if (line === undefined) isWhole = false
      else this.#count(line, kind)
    }
    return isWhole
  }

  /** Whether this request has its result. */
  has(id: string): boolean {
    return this.#ids.has(id)
  }

  /** Appends a complete line. */
  async add(line: string, kind: 'completed' | 'failed'): Promise<void> {
    await appendFile(this.#paths[kind === 'completed' ? 'output' : 'errors'], line, { mode: 0o600 })
    this.#count(JSON.parse(line) as WrittenLine, kind)
  }

  #count({ custom_id, response }: WrittenLine, kind: 'completed' | 'failed'): void {
    this[kind] += 1
    this.#ids.add(String(custom_id))
    const usage = response?.body?.usage
    this.usage.input += usage?.prompt_tokens ?? 0
    this.usage.output += usage?.completion_tokens ?? 0
    this.usage.cached += usage?.prompt_tokens_details?.cached_tokens ?? 0
  }
}

async function* linesOf(path: string): AsyncGenerator<{ readonly text: string }, void, void> {
  try {
    yield* readLines(path, { maxLineBytes: MAX_RESULT_BYTES })
  } catch (error) {
    // A directory in its place has no lines.
    if (codeOf(error) !== 'EISDIR') throw error
  }
}

function parsed(text: string): WrittenLine | undefined {
  try {
    const line: unknown = JSON.parse(text)
    return typeof line === 'object' && line !== null && 'custom_id' in line ? line : undefined
  } catch {
    return undefined
  }
}
