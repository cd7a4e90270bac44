import type { JsonBody } from '../http/index.ts'

/** Calls that Anthropic's servers carried out, and their results. What they found is in the text that follows. */
const UNREAD = /^(server_tool_use|mcp_tool_use|\w+_tool_result)$/

interface ReadBlocks {
  readonly body: JsonBody
  /** Of the blocks that were left out, for the header that lists them. */
  readonly left: readonly string[]
}

/**
 * A request without what Anthropic's servers added to earlier messages, and with documents of text as text. Others are left
 * to validation.
 */
export function readableBlocks(sent: JsonBody): ReadBlocks {
  const { messages } = sent
  if (!Array.isArray(messages)) return { body: sent, left: [] }
  const left = new Set<string>()
  const read = (block: unknown): readonly unknown[] => {
    if (!isRecord(block)) return [block]
    const { type, content } = block
    if (typeof type !== 'string') return [block]
    if (UNREAD.test(type)) {
      left.add(`messages.${type}`)
      return []
    }
    if (type === 'tool_result' && Array.isArray(content)) {
      return [{ ...block, content: content.flatMap(read) }]
    }
    const text = textOf(block, type)
    return text === undefined ? [block] : [{ type: 'text', text }]
  }
  const body = {
    ...sent,
    messages: messages.map((message: unknown) =>
      isRecord(message) && Array.isArray(message['content'])
        ? { ...message, content: message['content'].flatMap(read) }
        : message,
    ),
  }
  return { body, left: [...left] }
}

/** A document, a search result or the summary of earlier messages, as the model reads it. */
function textOf(block: JsonBody, type: string): string | undefined {
  const { title, context, source, content } = block
  const { type: form, data, content: parts } = isRecord(source) ? source : ({} as JsonBody)
  switch (type) {
    case 'document': {
      const text = form === 'text' ? data : form === 'content' ? joined(parts) : undefined
      return typeof text === 'string' ? lines([title, context, text]) : undefined
    }
    case 'search_result': {
      const text = joined(content)
      return text === undefined ? undefined : lines([title, source, text])
    }
    case 'compaction':
      return typeof content === 'string' ? content : undefined
    default:
      return undefined
  }
}

/** Undefined for anything but text. */
function joined(parts: unknown): string | undefined {
  if (typeof parts === 'string') return parts
  if (!Array.isArray(parts)) return undefined
  const texts = parts.map((part: unknown) => (isRecord(part) ? part['text'] : undefined))
  return texts.every((text) => typeof text === 'string') ? texts.join('\n') : undefined
}

function lines(texts: readonly unknown[]): string {
  return texts.filter((text) => typeof text === 'string' && text !== '').join('\n')
}

function isRecord(value: unknown): value is JsonBody {
  return typeof value === 'object' && value !== null
}
