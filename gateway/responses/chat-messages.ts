import {
  type ChatMessage,
  type ImagePart,
  InferenceError,
  type TextPart,
  type ToolCall,
} from '../../protocol/index.ts'
import { contentOf, customArguments } from '../answering/index.ts'
import { wireNameOf } from './callable-tools.ts'
import type { InputItem, ItemContent, ResponseFields } from './request.ts'

type Draft = { -readonly [Field in keyof ChatMessage]: ChatMessage[Field] }

/**
 * Converts items to messages: consecutive calls, and the text before them, form one assistant
 * message.
 *
 * @throws InferenceError `invalid_request` for an empty input
 */
export function chatMessages(
  input: ResponseFields['input'],
  instructions: string | undefined,
): ChatMessage[] {
  const messages: Draft[] = []
  if (instructions !== undefined && instructions !== '') {
    messages.push({ role: 'system', content: instructions })
  }
  const items: readonly InputItem[] =
    typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input
  for (const item of items) append(messages, item)
  if (messages.length > 0) return messages
  throw new InferenceError('invalid_request', 'input: expected at least one message', {
    details: { param: 'input' },
  })
}

function append(messages: Draft[], item: InputItem): void {
  switch (item.type) {
    case 'function_call':
      calling(messages, {
        id: item.call_id,
        type: 'function',
        function: { name: wireNameOf(item.name, item.namespace), arguments: item.arguments },
      })
      return
    case 'custom_tool_call':
      calling(messages, {
        id: item.call_id,
        type: 'function',
        function: {
          name: wireNameOf(item.name, item.namespace),
          arguments: customArguments(item.input),
        },
      })
      return
    case 'custom_tool_call_output':
    case 'function_call_output': {
      const parts = partsOf(item.output)
      const images = parts.filter((part) => part.type === 'image_url')
      const texts = parts.filter((part) => part.type === 'text')
      messages.push({ role: 'tool', tool_call_id: item.call_id, content: contentOf(texts) })
      // A tool result is text; its images follow in a message after it.
      if (images.length > 0) messages.push({ role: 'user', content: images })
      return
    }
    case 'reasoning':
    case 'web_search_call':
    case 'file_search_call':
    case 'image_generation_call':
    case 'tool_search_call':
    case 'tool_search_output':
      return
    case 'message':
      messages.push({ role: item.role, content: contentOf(partsOf(item.content)) })
      return
    default:
      item satisfies never
  }
}

function calling(messages: Draft[], call: ToolCall): void {
  const last = messages.at(-1)
  if (last?.role === 'assistant') last.tool_calls = [...(last.tool_calls ?? []), call]
  else messages.push({ role: 'assistant', content: null, tool_calls: [call] })
}

function partsOf(content: ItemContent): (TextPart | ImagePart)[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return content.map((part) => {
    switch (part.type) {
      case 'input_text':
      case 'output_text':
        return { type: 'text', text: part.text }
      case 'refusal':
        return { type: 'text', text: part.refusal }
      case 'input_image': {
        const { image_url: url, detail } = part
        return { type: 'image_url', image_url: { url, ...(detail && { detail }) } }
      }
      default:
        return part satisfies never
    }
  })
}
