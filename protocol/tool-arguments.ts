import { InferenceError } from './errors.ts'
import { type JsonShape, measureJson } from './json-shape.ts'
import { LIMITS } from './limits.ts'
import type { ChatRequest } from './openai.ts'

/**
 * Bounds the values in the arguments of earlier tool calls. They are a string in the request, so that its own values say
 * nothing about them, and engines parse them.
 *
 * @throws InferenceError `invalid_request`
 */
export function checkToolArguments({ messages }: ChatRequest): void {
  const total = { containers: 0, strings: 0, commas: 0 }
  const encoder = new TextEncoder()
  for (const message of messages) {
    const calls = message.role === 'assistant' ? (message.tool_calls ?? []) : []
    for (const { function: called } of calls) {
      add(total, measureJson(encoder.encode(called.arguments)))
    }
  }
}

function add(total: Mutable<Omit<JsonShape, 'bytes'>>, shape: JsonShape): void {
  total.containers += shape.containers
  total.strings += shape.strings
  total.commas += shape.commas
  const isOver =
    total.containers > LIMITS.maxJsonContainers ||
    total.strings > LIMITS.maxJsonStrings ||
    total.commas > LIMITS.maxJsonValues
  if (!isOver) return
  const message = 'the arguments of the tool calls have too many values: send less in one request'
  throw new InferenceError('invalid_request', message, { details: { param: 'messages' } })
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
