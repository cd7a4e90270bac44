import { InferenceError, type Resume } from '../../protocol/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { splitPrefix } from '../messages.ts'
import { isPlainText, maxTokensOf, type TextRequest } from '../request-fields.ts'
import { recordAt } from '../shapes/index.ts'
import type { CatalogEntry } from './catalog.ts'
import { prefixedBody, renderBody, requestBody } from './request-body.ts'
import { limitedTo, type SentBody, writtenTokens } from './written-tokens.ts'

interface Begun {
  readonly resume?: Resume
  readonly signal: AbortSignal
}

/** A request for the rest of an answer, within the tokens that are left. Undefined if none are. */
export async function restOf(
  http: EngineHttp,
  request: TextRequest,
  entry: CatalogEntry,
  { resume, signal }: Required<Begun>,
): Promise<SentBody | undefined> {
  const allowed = maxTokensOf(request)
  const { tokens = 0 } = resume
  if (allowed !== undefined && tokens >= allowed) return undefined
  const continues = await sentBody(http, request, entry, { resume, signal })
  if (allowed === undefined) return continues
  const begins = await sentBody(http, request, entry, { signal })
  const counted = await writtenTokens(http, { begins, continues }, { signal })
  // Both are lower bounds: the client counts pieces, and a version of Ollama may leave out cached tokens.
  const left = allowed - Math.max(tokens, counted)
  return left > 0 ? limitedTo(left, continues) : undefined
}

/** An answer that has begun continues from its rendered prompt where the template closes every message. */
export async function sentBody(
  http: EngineHttp,
  request: TextRequest,
  entry: CatalogEntry,
  { resume, signal }: Begun,
): Promise<SentBody> {
  const begun = { text: resume?.text ?? '', reasoning: resume?.reasoning ?? '' }
  if (request.kind === 'completion') return requestBody(request, entry, begun)
  const { messages, prefix } = splitPrefix(request.body.messages)
  const text = prefix + begun.text
  const isBegun = text !== '' || begun.reasoning !== ''
  if (!isBegun || entry.continues === 'chat') {
    return requestBody(request, entry, { ...begun, text })
  }
  const rendered = isPlainText(request)
    ? await http.post('/api/chat', renderBody(messages, entry), { signal, isRequest: true })
    : {}
  const { _debug_info: info } = rendered
  const { rendered_template: prompt } = recordAt(info, '_debug_info')
  if (typeof prompt === 'string' && prompt !== '') {
    const body = prefixedBody(request, prompt + text, entry)
    return { path: '/api/generate', body }
  }
  const why = isPlainText(request)
    ? 'this version of Ollama does not return rendered prompts'
    : 'not together with tools or JSON'
  throw new InferenceError(
    resume === undefined ? 'capability_unavailable' : 'not_resumable',
    `${entry.model.id} cannot continue a final assistant message here: ${why}`,
    resume === undefined ? { details: { param: 'messages' } } : {},
  )
}
