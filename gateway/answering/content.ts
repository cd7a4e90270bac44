import type { ChatMessage, ImagePart, TextPart } from '../../protocol/index.ts'

/** Parts as a message's content. One piece of text is a string: every engine reads that. */
export function contentOf(
  parts: readonly (TextPart | ImagePart)[],
): NonNullable<ChatMessage['content']> {
  const [only] = parts
  if (only === undefined) return ''
  return parts.length === 1 && only.type === 'text' ? only.text : parts
}
