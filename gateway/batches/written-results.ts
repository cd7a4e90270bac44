import { appendFile } from 'node:fs/promises'
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

  /** Reads earlier results, whose last line may be partial. */
  static async open(paths: ResultPaths): Promise<WrittenResults> {
    const results = new WrittenResults(paths)
    for (const [path, kind] of [
      [paths.output, 'completed'],
      [paths.errors, 'failed'],
    ] as const) {
      await dropTornLine(path)
      try {
        for await (const { text } of readLines(path, { maxLineBytes: MAX_RESULT_BYTES })) {
          results.#count(JSON.parse(text) as WrittenLine, kind)
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    return results
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
