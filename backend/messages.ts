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
