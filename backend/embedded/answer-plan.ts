import type { Token } from 'node-llama-cpp'
import type { Resume } from '../../protocol/index.ts'
import type { CallReaderInit, ThoughtMarks, ThoughtPlace } from '../marked-text/index.ts'
import type { HoldingGrammar } from './holding-grammar.ts'
import type { Sampling } from './sampling.ts'

/** One answer to be written. */
export interface AnswerPlan {
  readonly prompt: readonly Token[]
  /** What an earlier engine wrote. */
  readonly prefix: readonly Token[]
  readonly resume: Resume | undefined
  /** Length of the whole answer, prefix included. `undefined`: up to the end of the context. */
  readonly maxTokens: number | undefined
  readonly stops: readonly string[]
  readonly sampling: Sampling
  readonly grammar: HoldingGrammar | undefined
  /** Set if thoughts are separated from the text. */
  readonly thoughts?: { readonly marks: ThoughtMarks; readonly place: ThoughtPlace }
  /** Set if tools may be called. */
  readonly calls?: CallReaderInit
  /** Most likely alternatives per token; `undefined`: no logprobs at all. */
  readonly topLogprobs: number | undefined
  readonly group: string | undefined
  /** A prefix of up to this many tokens is evaluated one by one. */
  readonly exactResumeTokens: number
}
