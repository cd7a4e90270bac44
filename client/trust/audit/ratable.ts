import type { AnswerRequest, ScoreRequest } from '../../../protocol/index.ts'

/**
 * The request without its sampling options. A grammar, a bias or a penalty changes what a model writes, so its tokens prove
 * nothing; tools and images are rendered differently by each engine.
 *
 * @returns undefined if the answer cannot be rated
 */
export function ratable(request: AnswerRequest): ScoreRequest['request'] | undefined {
  if (request.kind === 'embedding') return undefined
  const { body } = request
  const bent =
    body.logit_bias || body.presence_penalty || body.frequency_penalty || body.min_p === 1
  const repeat = body.repeat_penalty ?? 1
  // The tokens of several choices are interleaved.
  if (bent || repeat !== 1 || (body.n ?? 1) > 1) return undefined
  if (request.kind === 'completion') {
    const { model, prompt } = request.body
    return request.body.echo === true ? undefined : { kind: 'completion', body: { model, prompt } }
  }
  const { model, messages, tools, response_format: format } = request.body
  const isPlain = (tools ?? []).length === 0 && (format?.type ?? 'text') === 'text'
  const isText = messages.every(
    ({ content, role, tool_calls }) =>
      !hasImage(content) && role !== 'tool' && (tool_calls ?? []).length === 0,
  )
  return isPlain && isText ? { kind: 'chat', body: { model, messages } } : undefined
}

function hasImage(content: unknown): boolean {
  return Array.isArray(content) && content.some((part: { type?: string }) => part.type !== 'text')
}

/** The stop strings of a request. */
export function stopsOf(request: AnswerRequest): readonly string[] {
  if (request.kind === 'embedding') return []
  const { stop } = request.body
  return typeof stop === 'string' ? [stop] : (stop ?? [])
}
