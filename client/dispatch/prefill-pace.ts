import type { Progress } from '../../protocol/index.ts'

/** Predicts, from a peer's reports of its prefill, when the rest of the prompt will be read. */
export class PrefillPace {
  #first: { readonly tokens: number; readonly atMs: number } | undefined

  /** @returns undefined until two reports show a pace */
  restMs(progress: Progress, nowMs: number): number | undefined {
    if (progress.phase !== 'prefill') return undefined
    const { tokens, of } = progress
    this.#first ??= { tokens, atMs: nowMs }
    const read = tokens - this.#first.tokens
    const ms = nowMs - this.#first.atMs
    return read > 0 && ms > 0 ? ((of - tokens) * ms) / read : undefined
  }
}
