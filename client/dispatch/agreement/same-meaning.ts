import type { AnswerRequest } from '../../../protocol/index.ts'
import { canonicalDecimal, canonicalText } from '../../request/index.ts'
import type { ComparableAnswer } from './comparable-answer.ts'

/** A longer text counts as prose, not as a number. Also bounds the work on a peer's text. */
const MAX_NUMBER_TEXT = 1_000
const NUMBER = /[-+−]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?/giu
/** Characters without meaning around a number. `%`, `$`, `-` and `!` have one, and quotes make it a string. */
const FORMATTING = /^[\s.,;:*_`]+|[\s.,;:*_`]+$/gu

/**
 * Whether two texts are equal, the same JSON (apart from key order, white space and number notation), or the same
 * single number. Text that is or must be JSON is compared only as JSON, where `1` is not `"1"`.
 */
export function sameText(a: string, b: string, request: AnswerRequest): boolean {
  if (a === b) return true
  if (wantsJson(request) || (isStructured(a) && isStructured(b))) return sameJson(a, b)
  return sameNumber(a, b)
}

/** Whether the same functions are called in the same order with the same arguments. */
export function sameToolCalls(a: ComparableAnswer, b: ComparableAnswer): boolean {
  return (
    a.toolCalls.length === b.toolCalls.length &&
    a.toolCalls.every((call, index) => {
      const other = b.toolCalls[index]
      if (other === undefined || call.name !== other.name) return false
      return call.arguments === other.arguments || sameJson(call.arguments, other.arguments)
    })
  )
}

function wantsJson(request: AnswerRequest): boolean {
  const format = request.kind === 'chat' ? request.body.response_format?.type : undefined
  return format === 'json_object' || format === 'json_schema'
}

function sameJson(a: string, b: string): boolean {
  const canonical = canonicalText(a)
  return canonical !== undefined && canonical === canonicalText(b)
}

/** Begins as an object or an array. A bare number or string counts as JSON only if JSON was requested. */
function isStructured(text: string): boolean {
  return /^\s*[[{]/u.test(text)
}

function sameNumber(a: string, b: string): boolean {
  const [first, second] = [soleNumber(a), soleNumber(b)]
  return first !== undefined && first === second
}

/** The value of the only number in a text, with the words around it. */
function soleNumber(text: string): string | undefined {
  if (text.length > MAX_NUMBER_TEXT) return undefined
  const [match, ...others] = text.matchAll(NUMBER)
  if (match === undefined || others.length > 0) return undefined
  const [number] = match
  const before = text.slice(0, match.index).replaceAll(FORMATTING, '')
  const after = text.slice(match.index + number.length).replaceAll(FORMATTING, '')
  return JSON.stringify([before, canonicalDecimal(number), after])
}
