import { type ChatMessage, InferenceError, type ToolCall } from '../../protocol/index.ts'
import { contentOf } from '../answering/index.ts'
import { imageParts } from './images.ts'
import type { Message } from './request.ts'

/**
 * Converts Ollama's messages, whose calls mostly have no id: a result belongs to the first call of its tool without a
 * result, or else to the first call without one.
 *
 * @throws InferenceError `invalid_request` for a result without a call
 */
export function chatMessages(messages: readonly Message[]): ChatMessage[] {
  const open: ToolCall[] = []
  let made = 0
  return messages.map((message, index) => {
    const { role, content, images } = message
    if (role === 'tool') {
      return { role, tool_call_id: answered(open, message, index), content: content ?? '' }
    }
    const text = content ? [{ type: 'text', text: content } as const] : []
    const parts = [...text, ...imageParts(images)]
    const calls = (message.tool_calls ?? []).map(({ id, function: called }): ToolCall => {
      const { name, arguments: input } = called
      return {
        id: id ?? `call_${made++}`,
        type: 'function',
        function: { name, arguments: JSON.stringify(input) },
      }
    })
    open.push(...calls)
    if (calls.length === 0) return { role, content: contentOf(parts) }
    return { role, content: parts.length === 0 ? null : contentOf(parts), tool_calls: calls }
  })
}

/** Takes the id of the open call that a result belongs to. */
function answered(open: ToolCall[], message: Message, index: number): string {
  const { tool_call_id: id, tool_name: toolName, name = toolName } = message
  const place = open.findIndex((call) =>
    id === undefined ? name === undefined || call.function.name === name : call.id === id,
  )
  const [call] = place < 0 ? [] : open.splice(place, 1)
  if (call !== undefined) return call.id
  const param = `messages.${index}`
  throw new InferenceError('invalid_request', `${param}: a tool result without a preceding call`, {
    details: { param },
  })
}
