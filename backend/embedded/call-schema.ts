import type { ToolDefinition } from '../../protocol/index.ts'
import { convertSchema, type GrammarSchema } from './convert-schema.ts'
import { SchemaBudget } from './schema-budget.ts'
import type { ToolFormat } from './tool-format.ts'

/**
 * The JSON of one call of these functions, as the format writes it.
 *
 * @throws InferenceError `capability_unavailable` for parameters that a grammar cannot keep, or that are too many together
 */
export function callSchema(
  tools: readonly ToolDefinition[],
  { argumentsKey }: ToolFormat,
): GrammarSchema {
  const budget = new SchemaBudget()
  const calls = tools.map(({ function: { name, parameters } }) => {
    budget.alternatives(1)
    budget.text(name)
    const schema = convertSchema(parameters ?? { type: 'object', properties: {} }, budget)
    return { type: 'object', properties: { name: { const: name }, [argumentsKey]: schema } }
  })
  const [only] = calls
  return calls.length === 1 && only !== undefined ? only : { oneOf: calls }
}
