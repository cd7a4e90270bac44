import type { Dialect } from './dialects.ts'

/** A call as a stream announces it: its place or item, and its id. Ollama's calls have ids, too. */
export interface AnnouncedCall {
  readonly place: string
  readonly id: string
}

interface ToolCall {
  readonly index?: number
  readonly id?: string
  readonly function?: { readonly index?: number }
}
/** The parts of the dialects' events that name calls. */
interface Event {
  readonly type?: string
  readonly index?: number
  readonly item?: { readonly type: string; readonly id: string; readonly call_id: string }
  readonly response?: { readonly output: readonly Event['item'][] }
  readonly content_block?: { readonly type: string; readonly id: string }
  readonly choices?: readonly { readonly delta: { readonly tool_calls?: readonly ToolCall[] } }[]
  readonly message?: { readonly tool_calls?: readonly ToolCall[] }
}

/** Every id of a call in the body of a streamed answer, with the call that it belongs to. */
export function announcedCalls(dialect: Dialect, body: string): AnnouncedCall[] {
  const records = body
    .split('\n')
    .map((line) => line.replace(/^data: /, ''))
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Event)
  return records.flatMap((record): AnnouncedCall[] => {
    switch (dialect) {
      case 'chat':
        return idsOf(record.choices?.[0]?.delta.tool_calls)
      case 'ollama':
        return idsOf(record.message?.tool_calls)
      case 'anthropic': {
        const { content_block: block, index = 0 } = record
        return block?.type === 'tool_use' ? [{ place: String(index), id: block.id }] : []
      }
      case 'responses':
        return [record.item, ...(record.response?.output ?? [])].flatMap((item) =>
          item?.type === 'function_call' ? [{ place: item.id, id: item.call_id }] : [],
        )
      case 'completion':
        return []
      default:
        return dialect satisfies never
    }
  })
}

function idsOf(calls: readonly ToolCall[] = []): AnnouncedCall[] {
  return calls.flatMap(({ id, index, function: called }) =>
    id === undefined ? [] : [{ place: String(index ?? called?.index), id }],
  )
}
