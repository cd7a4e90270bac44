/** A grammar as text, from a GrammarBuilder, and what it holds: the whole answer after its thoughts, or each tool call. */
export interface HoldingGrammar {
  readonly text: string
  readonly holds: 'answer' | 'calls'
}

/** JSON that a grammar holds, as far as it is written. */
export interface HeldJson {
  /** Numbers the stretches of an answer that are held. */
  readonly part: number
  readonly text: string
}
