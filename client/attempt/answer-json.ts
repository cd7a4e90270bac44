import { measureJson } from '../../protocol/index.ts'
import { FORM_LIMITS } from './limits.ts'

/**
 * Parses JSON that a model wrote: a whole answer, or the arguments of a call.
 *
 * @returns undefined for text that is not JSON, or more than a model can have written
 */
export function parseAnswerJson(text: string): { readonly value: unknown } | undefined {
  const { maxJsonLength, maxJsonValues } = FORM_LIMITS
  if (text.length > maxJsonLength) return undefined
  try {
    const { containers, strings, commas } = measureJson(Buffer.from(text))
    if (containers + strings + commas > maxJsonValues) return undefined
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}
