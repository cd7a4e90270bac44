import type { Question } from './question.ts'

export interface DialectAsk {
  /** Of a gateway. */
  readonly fetch: typeof fetch
  readonly model: string
  readonly question: Question
  readonly stream: boolean
}

/** An answer as the SDK of its dialect gives it. */
export interface DialectAnswer {
  readonly text: string
  readonly reasoning: string
  /** With parsed arguments. */
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[]
  /** In the dialect's own words. */
  readonly finish: string | null
}

/** Ids of an answer's calls have to differ. @throws Error if two are the same */
export function requireDistinct(ids: readonly string[]): void {
  if (new Set(ids).size !== ids.length) throw new Error(`two calls with one id: ${ids.join(', ')}`)
}
