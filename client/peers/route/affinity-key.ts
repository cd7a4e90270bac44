import type { AnswerRequest, ChatMessage } from '../../../protocol/index.ts'

/**
 * Length of a chat's beginning, in characters. Reasonable range: 256 to 2,048; more would separate conversations that
 * share a long system prompt.
 */
const CHAT_CHARS = 2_048
const COMPLETION_CHARS = 256
/** The same length in token ids, at four characters each. */
const COMPLETION_TOKENS = 64

/**
 * What all requests of one conversation share, so that they go to the peer whose engine has the prefix in its cache:
 * the caller's `prompt_cache_key`, else the beginning, which stays the same as turns are added. Absent for embeddings:
 * each input is a prompt of its own and does not recur.
 *
 * It contains the prompt's text: keep it in the client's memory only.
 */
export function affinityKey(
  request: AnswerRequest,
  model: { readonly id: string; readonly digest?: string },
): string | undefined {
  const beginning = beginningOf(request)
  return beginning === undefined
    ? undefined
    : JSON.stringify([model.id, model.digest ?? '', ...beginning])
}

function beginningOf(request: AnswerRequest): readonly unknown[] | undefined {
  if (request.kind === 'embedding') return undefined
  const { prompt_cache_key: given } = request.body
  if (given !== undefined && given !== null && given !== '') return ['key', given]
  switch (request.kind) {
    case 'chat':
      return ['chat', chatBeginning(request.body.messages)]
    case 'completion': {
      const { prompt } = request.body
      return typeof prompt === 'string'
        ? ['text', prompt.slice(0, COMPLETION_CHARS)]
        : ['ids', prompt.slice(0, COMPLETION_TOKENS)]
    }
    default:
      return request satisfies never
  }
}

/** Up to the user's first message: later turns do not exist yet when the conversation begins. */
function chatBeginning(messages: readonly ChatMessage[]): string {
  const firstUser = messages.findIndex(({ role }) => role === 'user')
  const opening = firstUser === -1 ? messages.slice(0, 1) : messages.slice(0, firstUser + 1)
  let beginning = ''
  for (const { role, content } of opening) {
    beginning += `${beginning === '' ? '' : '\n'}${role}\n${textOf(content)}`
    if (beginning.length >= CHAT_CHARS) break
  }
  return beginning.slice(0, CHAT_CHARS)
}

/** The beginning of a content: a copy of all of it may be megabytes. */
function textOf(content: ChatMessage['content']): string {
  if (content === undefined || content === null) return ''
  const parts = typeof content === 'string' ? [content] : content
  let text: string | undefined
  for (const part of parts) {
    const piece = (typeof part === 'string' ? part : textOfPart(part)).slice(0, CHAT_CHARS)
    text = text === undefined ? piece : `${text}\n${piece}`
    if (text.length >= CHAT_CHARS) break
  }
  return text ?? ''
}

function textOfPart(part: Exclude<NonNullable<ChatMessage['content']>, string>[number]): string {
  return part.type === 'text' ? part.text : part.image_url.url
}
