import type { ResponseFormat } from '../../protocol/index.ts'
import { convertSchema, type GrammarSchema } from './convert-schema.ts'

const ANY_OBJECT: GrammarSchema = { type: 'object', additionalProperties: true }

/**
 * The schema that an answer has to keep to; `undefined` for free text.
 *
 * @throws as {@link convertSchema}
 */
export function grammarSchema(
  format: ResponseFormat | null | undefined,
): GrammarSchema | undefined {
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined
    case 'json_object':
      return ANY_OBJECT
    case 'json_schema': {
      const root = format.json_schema.schema
      return root === undefined ? ANY_OBJECT : convertSchema(root)
    }
    default:
      return format satisfies never
  }
}
