import type { ToolDefinition } from '../../protocol/index.ts'
import type { ToolFormat } from '../marked-text/index.ts'
import { convertSchema, type GrammarSchema } from './convert-schema.ts'
import { SchemaBudget } from './schema-budget.ts'

const ANY_ARGUMENTS = { type: 'object', additionalProperties: true } as const

/**
 * The JSON of one call of these functions, as the format writes it.
 *
 * @param schemas whose parameters it has to match: of all functions, or of those that are declared `strict`
 * @throws InferenceError `capability_unavailable` for parameters that a grammar cannot keep, or that are too many together
 */
export function callSchema(
  tools: readonly ToolDefinition[],
  { argumentsKey }: ToolFormat,
  schemas: 'all' | 'strict',
): GrammarSchema {
  const budget = new SchemaBudget()
  const calls = tools.map(({ function: { name, parameters, strict } }) => {
    budget.alternatives(1)
    budget.text(name)
    const isHeld = schemas === 'all' || strict === true
    const held = isHeld ? (parameters ?? { type: 'object', properties: {} }) : ANY_ARGUMENTS
    const schema = convertSchema(held, budget)
    return { type: 'object', properties: { name: { const: name }, [argumentsKey]: schema } }
  })
  const [only] = calls
  return calls.length === 1 && only !== undefined ? only : { oneOf: calls }
}
