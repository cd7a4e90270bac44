import type { KeyUsage } from '../../gateway/index.ts'
import type { UsageFile } from './usage-file.ts'

/** Requests that wait to be written; beyond it those of a key are counted as one. */
const MAX_UNWRITTEN = 4_096

interface Unwritten {
  readonly atMs: number
  readonly usage: KeyUsage
}

export interface UsageCounterInit {
  readonly file: Pick<UsageFile, 'add' | 'tokensOf'>
  /** Receives the first of several failures in a row. */
  readonly onFailure: (error: unknown) => void
  /** Milliseconds since 1970. @default Date.now */
  readonly nowMs?: () => number
}

/**
 * Counts usage in a file that may fail for a while: what was not written counts all the same, and is written once the
 * file takes it.
 */
export class UsageCounter {
  readonly #init: UsageCounterInit
  readonly #nowMs: () => number
  #unwritten: Unwritten[] = []
  /** What was read last of a key, with what was written since: for while the file cannot be read. */
  readonly #known = new Map<string, { readonly sinceMs: number; tokens: number }>()
  #hasFailed: boolean = false

  constructor(init: UsageCounterInit) {
    this.#init = init
    this.#nowMs = init.nowMs ?? Date.now
  }

  /** Never throws. */
  add(usage: KeyUsage): void {
    this.#keep({ usage, atMs: this.#nowMs() })
    this.#write()
  }

  /** Never throws. */
  tokensOf(key: string, sinceMs: number): number {
    let waiting = 0
    for (const { usage, atMs } of this.#unwritten) {
      if (usage.key === key && atMs >= sinceMs) waiting += tokensIn(usage)
    }
    try {
      this.#known.set(key, { sinceMs, tokens: this.#init.file.tokensOf(key, sinceMs) })
    } catch (error) {
      this.#failed(error)
    }
    const known = this.#known.get(key)
    return waiting + (known?.sinceMs === sinceMs ? known.tokens : 0)
  }

  #keep(added: Unwritten): void {
    const { key } = added.usage
    const isFull = this.#unwritten.length >= MAX_UNWRITTEN
    const index = isFull ? this.#unwritten.findLastIndex(({ usage }) => usage.key === key) : -1
    const last = this.#unwritten[index]
    if (last === undefined) this.#unwritten.push(added)
    else this.#unwritten[index] = { ...last, usage: sumOf(last.usage, added.usage) }
  }

  #write(): void {
    let written = 0
    try {
      for (const { usage, atMs } of this.#unwritten) {
        this.#init.file.add(usage, atMs)
        written += 1
        const known = this.#known.get(usage.key)
        if (known !== undefined && atMs >= known.sinceMs) known.tokens += tokensIn(usage)
      }
      this.#hasFailed = false
    } catch (error) {
      this.#failed(error)
    }
    this.#unwritten = this.#unwritten.slice(written)
  }

  #failed(error: unknown): void {
    if (!this.#hasFailed) this.#init.onFailure(error)
    this.#hasFailed = true
  }
}

function tokensIn({ promptTokens, completionTokens }: KeyUsage): number {
  return promptTokens + completionTokens
}

function sumOf(one: KeyUsage, other: KeyUsage): KeyUsage {
  return {
    ...one,
    promptTokens: one.promptTokens + other.promptTokens,
    completionTokens: one.completionTokens + other.completionTokens,
  }
}
