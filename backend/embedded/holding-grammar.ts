/** A grammar as text, from a GrammarBuilder, and what it holds: the whole answer after its thoughts, or each tool call. */
export interface HoldingGrammar {
  readonly text: string
  readonly holds: 'answer' | 'calls'
}
