import type { Progress } from '../../protocol/index.ts'

/** Prefill slows down with the length of the prompt, and reports come every second. */
const REST_MARGIN = 1.5
const REST_SPARE_MS = 1_000
/** In all, a peer may take this many times as long as its first prediction that counted. */
const MOST_TIMES = 2

/** Predicts, from a peer's reports of its prefill, when the rest of the prompt will be read. */
export class PrefillPace {
  #first: { readonly tokens: number; readonly atMs: number } | undefined
  #tokens = 0
  #latestMs: number | undefined

  /** @returns undefined until two reports show a pace, and if nothing was read since the last report */
  restMs(progress: Progress, nowMs: number): number | undefined {
    if (progress.phase !== 'prefill') return undefined
    const { tokens, of } = progress
    this.#first ??= { tokens, atMs: nowMs }
    const isFurther = tokens > this.#tokens
    this.#tokens = Math.max(this.#tokens, tokens)
    const read = tokens - this.#first.tokens
    const ms = nowMs - this.#first.atMs
    return isFurther && read > 0 && ms > 0 ? ((of - tokens) * ms) / read : undefined
  }

  /** Until when the peer may take for a rest. The first call sets a bound, as reports could put the end off for ever. */
  waitUntilMs(restMs: number, nowMs: number): number {
    this.#latestMs ??= nowMs + MOST_TIMES * restMs + REST_SPARE_MS
    return Math.min(this.#latestMs, nowMs + REST_MARGIN * restMs + REST_SPARE_MS)
  }
}
