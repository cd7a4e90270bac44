import type { GrammarSchema } from './convert-schema.ts'

/** Parent to the process that builds grammars. */
export type ToGrammars =
  | { readonly type: 'load'; readonly modelPath: string }
  | { readonly type: 'build'; readonly id: number; readonly schema: GrammarSchema }

/** The process that builds grammars to its parent. */
export type FromGrammars =
  | { readonly type: 'ready' }
  | { readonly type: 'unusable'; readonly message: string }
  /** `engineMs`: CPU time that the engine will need for the text, without other work meanwhile. */
  | {
      readonly type: 'built'
      readonly id: number
      readonly text: string
      readonly engineMs: number
    }
  | { readonly type: 'refused'; readonly id: number; readonly why: string }
