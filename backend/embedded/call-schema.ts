import type { ToolDefinition } from '../../protocol/index.ts'
import { convertSchema, type GrammarSchema } from './json-schema.ts'
import type { ToolFormat } from './tool-format.ts'

/**
 * The JSON of one call of these functions, as the format writes it.
 *
 * @throws InferenceError `capability_unavailable` for parameters that a grammar cannot keep
 */
export function callSchema(
  tools: readonly ToolDefinition[],
  { argumentsKey }: ToolFormat,
): GrammarSchema {
  const calls = tools.map(({ function: { name, parameters } }) => ({
    type: 'object',
    properties: {
      name: { const: name },
      [argumentsKey]: convertSchema(parameters ?? { type: 'object', properties: {} }),
    },
  }))
  const [only] = calls
  return calls.length === 1 && only !== undefined ? only : { oneOf: calls }
}
