import {
  InferenceError,
  type Resume,
  type ResumeForm,
  resumeFormsOf,
} from '../../protocol/index.ts'
import type { BegunAnswer } from '../continuation/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { hasImage, splitPrefix } from '../messages.ts'
import { maxTokensOf, type TextRequest, wantsLogprobs } from '../request-fields.ts'
import type { CatalogEntry } from './catalog.ts'
import { type Way, wayFor } from './continuation.ts'
import type { Reading } from './marked-answer.ts'
import type { RawMeans } from './raw-means.ts'
import { renderedPrompt } from './rendered-prompt.ts'
import { conversationOf, prefixedBody, requestBody } from './request-body.ts'
import { withAnswer } from './thought-layout.ts'
import { limitedTo, type SentBody, writtenTokens } from './written-tokens.ts'

type ChatTextRequest = Extract<TextRequest, { readonly kind: 'chat' }>

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

/** What is sent for an answer, from its beginning or from where it broke off. */
export async function sentBody(
  http: EngineHttp,
  request: TextRequest,
  entry: CatalogEntry,
  { resume, signal }: Begun,
): Promise<SentBody> {
  const begun = { text: resume?.text ?? '', reasoning: resume?.reasoning ?? '' }
  if (request.kind === 'completion') return requestBody(request, entry, begun)
  const { messages, prefix } = splitPrefix(request.body.messages)
  const all = { ...begun, text: prefix + begun.text }
  const isBegun = all.text !== '' || all.reasoning !== ''
  const forms = resumeFormsOf(request, begun).filter((form) => form !== 'json')
  const way = wayFor(entry.continues, forms)
  if (!isBegun || way === 'chat') return requestBody(request, entry, all)
  const hindrance = hindranceOf(request, entry, way, forms)
  const conversation = conversationOf(request.body, messages, entry)
  const prompt =
    hindrance === undefined
      ? await renderedPrompt(http, conversation, { signal, isRequest: true })
      : undefined
  if (prompt === undefined) {
    const why = hindrance ?? 'this version of Ollama does not return rendered prompts'
    throw new InferenceError(
      resume === undefined ? 'capability_unavailable' : 'not_resumable',
      `${entry.model.id} cannot continue a final assistant message here: ${why}`,
      resume === undefined ? { details: { param: 'messages' } } : {},
    )
  }
  const { thoughts } = entry.continues.means
  return {
    path: '/api/generate',
    body: prefixedBody(request, withAnswer(prompt, all, thoughts), entry),
    reading: readingOf(request, all, entry.continues.means),
  }
}

/** Why an answer cannot be continued as raw text. */
function hindranceOf(
  request: ChatTextRequest,
  entry: CatalogEntry,
  way: Way | undefined,
  forms: readonly ResumeForm[],
): string | undefined {
  const { response_format: format, messages } = request.body
  // Plain text needs no proof where nothing has to be read from it.
  const isPlain = forms.length === 0 && !entry.thinks
  if (way === undefined && !isPlain) return ['no trial has proved it', ...forms].join(' with ')
  if ((format?.type ?? 'text') !== 'text') return 'not as JSON'
  if (messages.some(hasImage)) return 'not after an image'
  return forms.length > 0 && wantsLogprobs(request) ? 'not with both tools and logprobs' : undefined
}

function readingOf(
  request: ChatTextRequest,
  { text }: BegunAnswer,
  { thoughts, calls: format }: RawMeans,
): Reading {
  const { tools } = request.body
  const names = new Set(tools?.map((tool) => tool.function.name))
  const isOffered = resumeFormsOf(request, {}).includes('tools')
  // Where a call has no mark, it is the whole text.
  const mayCall = isOffered && (format?.open !== '' || text.trim() === '')
  return {
    ...(text === '' && thoughts !== undefined && { thoughts }),
    ...(mayCall && format !== undefined && { calls: { format, names } }),
  }
}
