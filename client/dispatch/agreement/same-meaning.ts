import type { AnswerRequest } from '../../../protocol/index.ts'
import { canonicalDecimal, canonicalText } from '../../request/index.ts'
import type { ComparableAnswer } from './comparable-answer.ts'

/** A longer text is prose about a number. Also bounds the work on a peer's text. */
const MAX_NUMBER_TEXT = 1_000
const NUMBER = /[-+−]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?/giu
/** Around a number these say nothing; `%`, `$`, `-`, `!` do, and quotes make it a string. */
const FORMATTING = /^[\s.,;:*_`]+|[\s.,;:*_`]+$/gu

/**
 * Whether two texts are the same, the same JSON (key order, white space, spelling of numbers aside), or the same single
 * number. What is JSON, or has to be, is compared as nothing else: `1` is not `"1"` there.
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

/** Begins as an object or an array: a bare number or string is JSON only where that was asked for. */
function isStructured(text: string): boolean {
  return /^\s*[[{]/u.test(text)
}

function sameNumber(a: string, b: string): boolean {
  const [first, second] = [soleNumber(a), soleNumber(b)]
  return first !== undefined && first === second
}

/** The only number of a text by its value, with the words around it. */
function soleNumber(text: string): string | undefined {
  if (text.length > MAX_NUMBER_TEXT) return undefined
  const [match, ...others] = text.matchAll(NUMBER)
  if (match === undefined || others.length > 0) return undefined
  const [number] = match
  const before = text.slice(0, match.index).replaceAll(FORMATTING, '')
  const after = text.slice(match.index + number.length).replaceAll(FORMATTING, '')
  return JSON.stringify([before, canonicalDecimal(number), after])
}
