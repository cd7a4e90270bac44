import { messageText, splitPrefix } from '../messages.ts'
import type { TextRequest } from '../request-fields.ts'

const COUNT = /count from (\d{1,6}) to (\d{1,6})/i
const DEFAULT_SEED = 0

/** All text of the request, message by message. */
export function promptText(
  request: TextRequest,
  decode: (ids: readonly number[]) => string,
): string {
  if (request.kind === 'completion') {
    const { prompt } = request.body
    return typeof prompt === 'string' ? prompt : decode(prompt)
  }
  return request.body.messages.map(messageText).join('\n')
}

/** {@link wholeAnswer}, or its remainder after the beginning that the caller has. */
export function defaultAnswer(request: TextRequest, prompt: string): string {
  const whole = wholeAnswer(request, prompt)
  const { prefix } = request.kind === 'chat' ? splitPrefix(request.body.messages) : { prefix: '' }
  return whole.startsWith(prefix) ? whole.slice(prefix.length) : whole
}

/** The answer that a scripted engine gives by itself: it counts where asked to, fills a JSON schema, else echoes, with the words shuffled by the seed above temperature 0. */
function wholeAnswer(request: TextRequest, prompt: string): string {
  if (request.kind === 'chat') {
    const format = request.body.response_format
    if (format?.type === 'json_object') return '{"answer": "echo"}'
    if (format?.type === 'json_schema') return JSON.stringify(instanceOf(format.json_schema.schema))
  }
  const question = request.kind === 'chat' ? lastText(request) : prompt
  const [, from, to] = COUNT.exec(question) ?? []
  if (from !== undefined && to !== undefined) return count(Number(from), Number(to))
  const words = question.split(/\s+/).filter((word) => word !== '')
  const { temperature, seed } = request.body
  if ((temperature ?? 0) === 0) return words.join(' ')
  return shuffle(words, seed ?? DEFAULT_SEED).join(' ')
}

/** A vector of length 1 that depends on nothing but the text. */
export function embed(text: string, dimensions: number): number[] {
  const random = generator(hash(text))
  const vector = Array.from({ length: dimensions }, () => random() - 0.5)
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

function lastText(request: Extract<TextRequest, { kind: 'chat' }>): string {
  const message = request.body.messages.findLast(({ role }) => role === 'user')
  return message === undefined ? '' : messageText(message)
}

function count(from: number, to: number): string {
  const numbers = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
  return `${numbers.join(', ')}.`
}

/** The simplest value that a schema allows, for the keywords that tests use. */
function instanceOf(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return {}
  const { type, properties, items, const: fixed, enum: choices } = schema as Record<string, unknown>
  if (fixed !== undefined) return fixed
  if (Array.isArray(choices)) return choices[0]
  if (type === 'string') return 'text'
  if (type === 'integer' || type === 'number') return 1
  if (type === 'boolean') return true
  if (type === 'null') return null
  if (type === 'array') return [instanceOf(items)]
  const entries = Object.entries((properties as Record<string, unknown> | undefined) ?? {})
  return Object.fromEntries(entries.map(([name, value]) => [name, instanceOf(value)]))
}

function shuffle(words: readonly string[], seed: number): string[] {
  const random = generator(hash(String(seed)))
  return words
    .map((word) => ({ word, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ word }) => word)
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193)
  return value >>> 0
}

/** Mulberry32: the same numbers for the same seed everywhere. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
