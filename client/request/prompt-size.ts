import { type AnswerRequest, embeddingInputs, type Prompt } from '../../protocol/index.ts'

/** Characters per token, for English and common vocabularies. Affects deadlines and routing only, never a rejection. */
const CHARS_PER_TOKEN = 4
/** Cost of an image in common vision models. */
const TOKENS_PER_IMAGE = 1_000

/** Estimated prompt length; exact for token ids. For embeddings: the longest input, as each input is a prompt. */
export function estimatePromptTokens(request: AnswerRequest): number {
  switch (request.kind) {
    case 'completion':
      return promptTokens(request.body.prompt)
    case 'embedding': {
      const lengths = embeddingInputs(request.body.input).map(promptTokens)
      return lengths.reduce((longest, length) => Math.max(longest, length), 0)
    }
    case 'chat': {
      const { messages, tools } = request.body
      const toolTokens = tools?.length ? tokensOf(JSON.stringify(tools)) : 0
      return messages.reduce((sum, { content }) => sum + contentTokens(content), toolTokens)
    }
    default:
      return request satisfies never
  }
}

/** Length of a prompt given as token ids; absent for text. */
export function exactPromptTokens(request: AnswerRequest): number | undefined {
  if (request.kind !== 'completion') return undefined
  const { prompt } = request.body
  return typeof prompt === 'string' ? undefined : prompt.length
}

/** Max tokens of the answer; 0 if the caller set no limit. */
export function answerTokensOf(request: AnswerRequest): number {
  if (request.kind === 'embedding') return 0
  const { body } = request
  const asked = request.kind === 'chat' ? request.body.max_completion_tokens : undefined
  return asked ?? body.max_tokens ?? 0
}

type Content = Extract<AnswerRequest, { kind: 'chat' }>['body']['messages'][number]['content']

function contentTokens(content: Content): number {
  if (content === undefined || content === null) return 0
  if (typeof content === 'string') return tokensOf(content)
  return content.reduce(
    (sum, part) => sum + (part.type === 'text' ? tokensOf(part.text) : TOKENS_PER_IMAGE),
    0,
  )
}

function promptTokens(prompt: Prompt): number {
  return typeof prompt === 'string' ? tokensOf(prompt) : prompt.length
}

function tokensOf(text: string): number {
  return Math.ceil(text.length / CHARS_PER_TOKEN)
}
