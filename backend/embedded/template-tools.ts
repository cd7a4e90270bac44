import type { ChatMessage, ChatRequest, ToolDefinition } from '../../protocol/index.ts'
import type { SpecialTextGuard } from './special-text.ts'

/** The tools of a request that the model may call now. */
export interface OfferedTools {
  readonly tools: readonly ToolDefinition[]
  /** The answer must be a call. */
  readonly isForced: boolean
}

/** Undefined if no tool may be called. */
export function offeredTools({
  tools,
  tool_choice: choice,
}: ChatRequest): OfferedTools | undefined {
  const all = tools ?? []
  if (all.length === 0 || choice === 'none') return undefined
  if (typeof choice !== 'object' || choice === null) {
    return { tools: all, isForced: choice === 'required' }
  }
  const { name } = choice.function
  return { tools: all.filter((tool) => tool.function.name === name), isForced: true }
}

/** A tool call as templates take it: with arguments as an object, if they are one. */
export function templateCall(
  call: NonNullable<ChatMessage['tool_calls']>[number],
  guard: SpecialTextGuard,
): object {
  const { name, arguments: text } = call.function
  return {
    ...{ id: call.id, type: call.type },
    function: { name: guard.guard(name), arguments: guarded(parsed(text), guard) },
  }
}

/** A JSON value whose texts cannot become control tokens. */
export function guarded(value: unknown, guard: SpecialTextGuard): unknown {
  if (typeof value === 'string') return guard.guard(value)
  if (Array.isArray(value)) return value.map((item) => guarded(item, guard))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => [
    guard.guard(key),
    guarded(inner, guard),
  ])
  return Object.fromEntries(entries) as unknown
}

function parsed(text: string): unknown {
  try {
    return text.trim() === '' ? {} : JSON.parse(text)
  } catch {
    return text
  }
}
