import type { ChatMessage } from '../protocol/index.ts'

/** All text of a message. */
export function messageText({ content }: ChatMessage): string {
  if (typeof content === 'string') return content
  return (content ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('')
}

/** OpenAI's newer name for the system's role is known to few engines. */
export function plainRole({ role }: ChatMessage): Exclude<ChatMessage['role'], 'developer'> {
  return role === 'developer' ? 'system' : role
}

/**
 * A conversation, and the beginning of the answer where its last message is the assistant's: an answer goes on from there.
 * Empty where there is nothing to go on from.
 */
export function splitPrefix(messages: readonly ChatMessage[]): {
  readonly messages: readonly ChatMessage[]
  readonly prefix: string
} {
  const last = messages.at(-1)
  if (last?.role !== 'assistant' || last.tool_calls !== undefined) return { messages, prefix: '' }
  return { messages: messages.slice(0, -1), prefix: messageText(last) }
}
