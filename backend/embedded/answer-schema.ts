import { type ChatRequest, InferenceError } from '../../protocol/index.ts'
import type { ToolFormat } from '../marked-text/index.ts'
import { callSchema } from './call-schema.ts'
import type { GrammarSchema } from './convert-schema.ts'
import type { HoldingGrammar } from './holding-grammar.ts'
import { grammarSchema } from './json-schema.ts'
import { unavailable } from './schema-budget.ts'
import { type OfferedTools, offeredTools } from './template-tools.ts'

/** What an answer has to match. */
export interface AnswerSchema {
  readonly schema: GrammarSchema
  readonly holds: HoldingGrammar['holds']
  /** Without it the answer is free, because what it calls is checked anyway. */
  readonly isOptional: boolean
}

/**
 * Calls where they are required or of strict functions, else the response format; `undefined` for free text.
 *
 * @throws InferenceError `capability_unavailable` for what a grammar cannot keep, `invalid_request` for an invalid schema
 */
export function answerSchema(
  request: ChatRequest,
  toolFormat: ToolFormat | undefined,
): AnswerSchema | undefined {
  const offered = toolFormat === undefined ? undefined : offeredTools(request)
  const format = grammarSchema(request.response_format)
  if (offered?.isForced === true && toolFormat !== undefined) {
    const schema = callSchema(offered.tools, toolFormat, 'all')
    return { schema, holds: 'calls', isOptional: false }
  }
  // Its grammar holds from the first token on, so that no tool would ever be called.
  if (format !== undefined && offered !== undefined) {
    throw unavailable('a response format beside tools that may be called')
  }
  if (format !== undefined) return { schema: format, holds: 'answer', isOptional: false }
  return offered === undefined || toolFormat === undefined
    ? undefined
    : strictCalls(offered, toolFormat)
}

/** A schema that a grammar cannot keep leaves the calls free: agents declare all their functions strict. */
function strictCalls({ tools }: OfferedTools, toolFormat: ToolFormat): AnswerSchema | undefined {
  if (!tools.some((tool) => tool.function.strict === true)) return undefined
  try {
    const schema = callSchema(tools, toolFormat, 'strict')
    return { schema, holds: 'calls', isOptional: true }
  } catch (error) {
    if (InferenceError.is(error)) return undefined
    throw error
  }
}
