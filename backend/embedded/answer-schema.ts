import type { ChatRequest } from '../../protocol/index.ts'
import { callSchema } from './call-schema.ts'
import type { GrammarSchema } from './convert-schema.ts'
import { grammarSchema } from './json-schema.ts'
import { unavailable } from './schema-budget.ts'
import { offeredTools } from './template-tools.ts'
import type { ToolFormat } from './tool-format.ts'

/**
 * What the whole answer has to match: a call where one is required, else the response format; `undefined` for free text.
 *
 * @throws InferenceError `capability_unavailable` for what a grammar cannot keep, `invalid_request` for an invalid schema
 */
export function answerSchema(
  request: ChatRequest,
  toolFormat: ToolFormat | undefined,
): GrammarSchema | undefined {
  const offered = offeredTools(request)
  if (offered?.isForced === true && toolFormat !== undefined) {
    return callSchema(offered.tools, toolFormat)
  }
  const schema = grammarSchema(request.response_format)
  // Its grammar holds from the first token on, so that no tool would ever be called.
  if (schema !== undefined && offered !== undefined) {
    throw unavailable('a response format beside tools that may be called')
  }
  return schema
}
