import type { ChatMessage } from '../protocol/index.ts'

/** All text of a message. */
export function messageText({ content }: ChatMessage): string {
  if (typeof content === 'string') return content
  return (content ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('')
}

/** Whether a message shows an image. */
export function hasImage({ content }: ChatMessage): boolean {
  return Array.isArray(content) && content.some((part) => part.type === 'image_url')
}

/** Few engines know `developer`, OpenAI's newer name of the system role. */
export function plainRole({ role }: ChatMessage): Exclude<ChatMessage['role'], 'developer'> {
  return role === 'developer' ? 'system' : role
}

/**
 * Splits a conversation from the beginning of the answer, if its last message is the assistant's: the answer continues
 * from there. Empty without one.
 */
export function splitPrefix(messages: readonly ChatMessage[]): {
  readonly messages: readonly ChatMessage[]
  readonly prefix: string
} {
  const last = messages.at(-1)
  if (last?.role !== 'assistant' || last.tool_calls !== undefined) return { messages, prefix: '' }
  return { messages: messages.slice(0, -1), prefix: messageText(last) }
}
