import { type AnswerRequest, embeddingInputs, InferenceError } from '../protocol/index.ts'
import type { BackendModel } from './backend.ts'
import { messageText } from './messages.ts'

/** Bytes per token of English text with a common vocabulary. */
const USUAL_BYTES_PER_TOKEN = 4
const WEIGHT = 0.2
/** Most tokens of a shorter prompt are those of the chat template. */
const LEAST_BYTES = 256

/** Estimates the tokens of a prompt from earlier counts of the engine. */
export class TokenEstimate {
  #bytesPerToken: number | undefined

  observe(bytes: number, tokens: number): void {
    if (bytes < LEAST_BYTES || tokens === 0) return
    const seen = bytes / tokens
    const known = this.#bytesPerToken ?? seen
    this.#bytesPerToken = known + WEIGHT * (seen - known)
  }

  tokens(bytes: number): number {
    return Math.ceil(bytes / (this.#bytesPerToken ?? USUAL_BYTES_PER_TOKEN))
  }
}

/** UTF-8 bytes of all text of a request; for embeddings, of the longest input. */
export function promptBytes(request: AnswerRequest): number {
  switch (request.kind) {
    case 'chat':
      return request.body.messages.reduce(
        (sum, message) => sum + Buffer.byteLength(messageText(message)),
        0,
      )
    case 'completion':
      return bytesOf(request.body.prompt)
    case 'embedding':
      return Math.max(...embeddingInputs(request.body.input).map(bytesOf))
    default:
      return request satisfies never
  }
}

function bytesOf(prompt: string | readonly number[]): number {
  return typeof prompt === 'string'
    ? Buffer.byteLength(prompt)
    : prompt.length * USUAL_BYTES_PER_TOKEN
}

/**
 * Adds to a "prompt too long" error the two numbers that selecting another peer needs: few engines report both. A count
 * that the engine does not report is estimated, and at least one more than fits.
 */
export function withNumbers(
  error: unknown,
  {
    model,
    request,
    estimate,
  }: {
    readonly model: BackendModel
    readonly request: AnswerRequest
    readonly estimate: TokenEstimate
  },
): unknown {
  if (!InferenceError.is(error, 'context_too_long')) return error
  const { promptTokens, contextLength = model.contextLength } = error.details
  if (promptTokens !== undefined && error.details.contextLength !== undefined) return error
  // An engine of unknown length: its own words say more than a guess.
  if (contextLength === 0) return error
  const counted = promptTokens ?? estimate.tokens(promptBytes(request))
  const tokens = Math.max(counted, contextLength + 1)
  const message = `${error.message} (about ${tokens} prompt tokens, ${contextLength} fit)`
  return new InferenceError('context_too_long', message, {
    cause: error,
    details: { promptTokens: tokens, contextLength },
  })
}
