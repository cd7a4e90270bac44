import type { InferenceRequest } from '../protocol/index.ts'

/** A request that is answered with text. */
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
