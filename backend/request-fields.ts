import type { InferenceRequest } from '../protocol/index.ts'
import { hasImage } from './messages.ts'

/** A request with a text answer. */
export type TextRequest = Extract<InferenceRequest, { readonly kind: 'chat' | 'completion' }>

/** The longest answer that the request allows, in tokens; undefined where it sets no bound. */
export function maxTokensOf(request: TextRequest): number | undefined {
  const newer = request.kind === 'chat' ? request.body.max_completion_tokens : undefined
  return newer ?? request.body.max_tokens ?? undefined
}

export function stopStringsOf({ body: { stop } }: TextRequest): readonly string[] {
  if (stop === undefined || stop === null) return []
  return (typeof stop === 'string' ? [stop] : stop).filter((text) => text !== '')
}

export function wantsLogprobs({ body: { logprobs } }: TextRequest): boolean {
  return logprobs !== undefined && logprobs !== null && logprobs !== false
}

/**
 * Whether a request can run token by token. Requests that need the chat endpoint's parsers or grammars (tools, JSON) cannot.
 */
export function isPlainText(request: TextRequest): boolean {
  if (request.kind === 'completion') return true
  const { tools, response_format: format, messages } = request.body
  return (
    (tools ?? []).length === 0 &&
    (format ?? { type: 'text' }).type === 'text' &&
    messages.every(
      (message) =>
        message.role !== 'tool' && message.tool_calls === undefined && !hasImage(message),
    )
  )
}
