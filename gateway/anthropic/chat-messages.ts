import type { ChatMessage, ImagePart, TextPart, ToolCall } from '../../protocol/index.ts'
import { contentOf } from '../answering/index.ts'
import type { Block, PromptFields, TextBlock, ToolResultBlock } from './request.ts'

/** Converts blocks to messages; tool results come first, each as its own message. */
export function chatMessages({
  system,
  messages,
}: Pick<PromptFields, 'messages' | 'system'>): ChatMessage[] {
  const instructions =
    system === undefined || system.length === 0
      ? []
      : [{ role: 'system', content: system } as const]
  return [...instructions, ...messages].flatMap((message) => {
    switch (message.role) {
      case 'system':
        return [{ role: message.role, content: contentOf(spoken(blocksOf(message.content))) }]
      case 'user':
        return userMessages(blocksOf(message.content))
      case 'assistant':
        return assistantMessage(blocksOf(message.content))
      default:
        return message.role satisfies never
    }
  })
}

function blocksOf<T>(content: string | readonly T[]): readonly (T | TextBlock)[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

function userMessages(blocks: readonly Block[]): ChatMessage[] {
  const results = blocks.filter((block) => block.type === 'tool_result')
  const seen = results.flatMap(({ content }) =>
    spoken(blocksOf(content ?? '')).filter((part) => part.type === 'image_url'),
  )
  const parts = [...seen, ...spoken(blocks)]
  return [
    ...results.map(resultMessage),
    ...(parts.length > 0 ? [{ role: 'user', content: contentOf(parts) } as const] : []),
  ]
}

/** A tool result is text; its images follow in a message after it. */
function resultMessage({ tool_use_id, content, is_error }: ToolResultBlock): ChatMessage {
  const texts = spoken(blocksOf(content ?? '')).filter((part) => part.type === 'text')
  const failed: TextPart[] = is_error === true ? [{ type: 'text', text: 'The tool failed: ' }] : []
  return { role: 'tool', tool_call_id: tool_use_id, content: contentOf([...failed, ...texts]) }
}

function assistantMessage(blocks: readonly Block[]): ChatMessage[] {
  const parts = spoken(blocks)
  const calls = blocks
    .filter((block) => block.type === 'tool_use')
    .map(
      ({ id, name, input }): ToolCall => ({
        id,
        type: 'function',
        function: { name, arguments: JSON.stringify(input) },
      }),
    )
  if (calls.length === 0) return [{ role: 'assistant', content: contentOf(parts) }]
  const content = parts.length === 0 ? null : contentOf(parts)
  return [{ role: 'assistant', content, tool_calls: calls }]
}

/** Text and images in the wire format; other parts are not passed to the model. */
function spoken(blocks: readonly Block[]): (TextPart | ImagePart)[] {
  return blocks.flatMap((block) => {
    if (block.type === 'text') return { type: 'text' as const, text: block.text }
    if (block.type !== 'image') return []
    const { media_type, data } = block.source
    const url = `data:${media_type};base64,${data}`
    return { type: 'image_url' as const, image_url: { url } }
  })
}
