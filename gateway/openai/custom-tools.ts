import * as z from 'zod'
import { customArguments, customFunction, customInput } from '../answering/index.ts'
import type { JsonBody } from '../http/index.ts'

const CUSTOM_TOOL = z.looseObject({
  type: z.literal('custom'),
  custom: z.looseObject({
    name: z.string(),
    description: z.string().nullish(),
    format: z
      .union([
        z.looseObject({ type: z.literal('text') }),
        z.looseObject({
          type: z.literal('grammar'),
          grammar: z.looseObject({ syntax: z.string(), definition: z.string() }),
        }),
      ])
      .nullish(),
  }),
})
const CUSTOM_CHOICE = z.looseObject({
  type: z.literal('custom'),
  custom: z.looseObject({ name: z.string() }),
})
const CUSTOM_CALL = z.looseObject({
  type: z.literal('custom'),
  custom: z.looseObject({ name: z.string(), input: z.string() }),
})

/** A chat request whose custom tools, choice and earlier calls are functions, and the names of those tools. */
export interface WithoutCustomTools {
  readonly body: JsonBody
  readonly custom: ReadonlySet<string>
}

/** Fields of another shape are left to validation, which names them. */
export function customAsFunctions(body: JsonBody): WithoutCustomTools {
  const { tools, messages, tool_choice: choice } = body
  const custom = new Set<string>()
  const definitions = listed(tools).map((tool) => {
    const read = CUSTOM_TOOL.safeParse(tool)
    if (!read.success) return tool
    const { name, description, format } = read.data.custom
    custom.add(name)
    const grammar = format?.type === 'grammar' ? { ...format.grammar, type: format.type } : null
    return customFunction(name, { description, format: grammar })
  })
  const chosen = choice === undefined ? undefined : CUSTOM_CHOICE.safeParse(choice)
  const hasCalls = Array.isArray(messages) && messages.some(isCalling)
  if (custom.size === 0 && chosen?.success !== true && !hasCalls) return { body, custom }
  const asked = {
    ...body,
    ...(hasCalls && { messages: messages.map(withFunctionCalls) }),
    ...(custom.size > 0 && { tools: definitions }),
    ...(chosen?.success === true && {
      tool_choice: { type: 'function', function: { name: chosen.data.custom.name } },
    }),
  }
  return { body: asked, custom }
}

function isCalling(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'tool_calls' in message
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function withFunctionCalls(message: unknown): unknown {
  const { tool_calls: calls } = (message ?? {}) as { readonly tool_calls?: unknown }
  if (!Array.isArray(calls)) return message
  const read = calls.map((call) => {
    const { success, data } = CUSTOM_CALL.safeParse(call)
    if (!success) return call
    const { custom, ...rest } = data
    const called = { name: custom.name, arguments: customArguments(custom.input) }
    return { ...rest, type: 'function', function: called }
  })
  return { ...(message as object), tool_calls: read }
}

interface Call {
  readonly function?: { readonly name?: string; readonly arguments?: string }
  readonly custom?: { readonly name: string; readonly input: string }
}
interface Calling {
  readonly tool_calls?: readonly Call[]
}
interface Choice {
  readonly message?: Calling
  readonly delta?: Calling
}

/** An answer or a chunk whose calls of custom tools, each in one piece, have their own form again. */
export function inCustomForm<T extends { readonly choices: readonly object[] }>(
  answer: T,
  custom: ReadonlySet<string>,
): T {
  if (custom.size === 0) return answer
  const choices = answer.choices.map((choice) => {
    const { message, delta } = choice as Choice
    return {
      ...choice,
      ...(message !== undefined && { message: withCustomCalls(message, custom) }),
      ...(delta !== undefined && { delta: withCustomCalls(delta, custom) }),
    }
  })
  return { ...answer, choices }
}

function withCustomCalls(calling: Calling, custom: ReadonlySet<string>): Calling {
  const { tool_calls: calls } = calling
  if (calls === undefined) return calling
  const shown = calls.map((call) => {
    const { function: called, ...rest } = call
    const name = called?.name
    if (name === undefined || !custom.has(name)) return call
    const input = customInput(called?.arguments ?? '')
    return { ...rest, type: 'custom', custom: { name, input } }
  })
  return { ...calling, tool_calls: shown }
}
