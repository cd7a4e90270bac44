import type { AnswerRequest, ScoreRequest } from '../../../protocol/index.ts'
/**
 * What was asked, less how it was to be drawn. A grammar, a bias or a penalty make a model write what it would not, so
 * that its tokens prove nothing; tools and images need an engine of the same make.
 *
 * @returns nothing where the answer cannot be rated
 */
export function ratable(request: AnswerRequest): ScoreRequest['request'] | undefined {
  if (request.kind === 'embedding') return undefined
  const { body } = request
  const bent =
    body.logit_bias || body.presence_penalty || body.frequency_penalty || body.min_p === 1
  const repeat = body.repeat_penalty ?? 1
  // The tokens of several choices come mixed.
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

/** Those at which an engine cuts an answer off. */
export function stopsOf(request: AnswerRequest): readonly string[] {
  if (request.kind === 'embedding') return []
  const { stop } = request.body
  return typeof stop === 'string' ? [stop] : (stop ?? [])
}
