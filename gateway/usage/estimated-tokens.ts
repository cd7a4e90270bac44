import { estimatePromptTokens, type RequestOptions } from '../../client/index.ts'
import { InferenceError, LIMITS } from '../../protocol/index.ts'
import type { Asked } from '../wrapped-client.ts'

/** Bytes per token of English text in JSON. */
const BYTES_PER_TOKEN = 4
/** Of an answer whose request has no limit of its own. */
const UNSAID_ANSWER_TOKENS = 256
/** No model writes more in one answer. */
const MAX_ANSWER_TOKENS = 131_072

/** Tokens to reserve for a request, which may not be valid: of its prompt, and of each answer that it asks for. */
export function tokensFor(kind: Asked['kind'], request: object): number {
  return promptTokensOf(kind, request) + answerTokensOf(kind, request)
}

/** Tokens of the answers to a request, as far as it says. */
export function answerTokensOf(kind: Asked['kind'], request: object): number {
  const { n, max_tokens, max_completion_tokens: most = max_tokens } = request as AnswerFields
  const answers =
    kind === 'embedding' ? 0 : Math.min(LIMITS.maxChoices, Math.max(1, countOf(n) ?? 1))
  const each = Math.min(MAX_ANSWER_TOKENS, countOf(most) ?? UNSAID_ANSWER_TOKENS)
  return answers * each
}

interface AnswerFields {
  readonly n?: unknown
  readonly max_tokens?: unknown
  readonly max_completion_tokens?: unknown
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value : undefined
}

/** Estimated tokens of a prompt; 0 if the request is not valid. */
export function promptTokensOf(kind: Asked['kind'], request: object): number {
  let tokens: number
  try {
    tokens =
      kind === 'embedding'
        ? JSON.stringify((request as { readonly input?: unknown }).input).length / BYTES_PER_TOKEN
        : estimatePromptTokens({ kind, body: request } as Parameters<
            typeof estimatePromptTokens
          >[0])
  } catch {
    // Not a valid request: it is refused before it costs anything.
    return 0
  }
  return Number.isFinite(tokens) ? Math.ceil(tokens) : 0
}

/** Tokens of a chunk; each with text counts as at least one. */
export function tokensIn(chunk: unknown): number {
  const { choices } = chunk as { readonly choices?: unknown }
  if (!Array.isArray(choices)) return 0
  let tokens = 0
  for (const { text, delta } of choices) {
    const { content, reasoning_content: thought, refusal, tool_calls: calls } = delta ?? {}
    tokens += tokensOf(text) + tokensOf(content) + tokensOf(thought) + tokensOf(refusal)
    if (!Array.isArray(calls)) continue
    for (const call of calls) tokens += tokensOf(call?.function?.arguments)
  }
  return tokens
}

function tokensOf(text: unknown): number {
  return typeof text === 'string' ? Math.ceil(text.length / BYTES_PER_TOKEN) : 0
}

/** Whether peers may have worked for a caller that got an error: it left, or its time was up after one was asked. */
export function mayHaveCost(error: unknown, { signal }: Pick<RequestOptions, 'signal'>): boolean {
  if (signal?.aborted === true) return true
  if (!InferenceError.is(error, 'deadline_exceeded')) return false
  return (error.details.attempts ?? []).length > 0
}
