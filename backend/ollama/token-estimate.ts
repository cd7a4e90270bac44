import type { AnswerRequest } from '../../protocol/index.ts'
import { messageText } from '../messages.ts'

/** English text with a usual vocabulary. */
const USUAL_BYTES_PER_TOKEN = 4
const WEIGHT = 0.2

/** Guesses how many tokens a prompt has, from those that the engine counted before. */
export class TokenEstimate {
  #bytesPerToken: number | undefined

  observe(bytes: number, tokens: number): void {
    if (bytes === 0 || tokens === 0) return
    const seen = bytes / tokens
    const known = this.#bytesPerToken ?? seen
    this.#bytesPerToken = known + WEIGHT * (seen - known)
  }

  tokens(bytes: number): number {
    return Math.ceil(bytes / (this.#bytesPerToken ?? USUAL_BYTES_PER_TOKEN))
  }
}

/** UTF-8 bytes of all text that a request has the engine read; for embeddings, of the longest input. */
export function promptBytes(request: AnswerRequest): number {
  switch (request.kind) {
    case 'chat':
      return request.body.messages.reduce(
        (sum, message) => sum + Buffer.byteLength(messageText(message)),
        0,
      )
    case 'completion': {
      const { prompt } = request.body
      return typeof prompt === 'string' ? Buffer.byteLength(prompt) : 0
    }
    case 'embedding': {
      const { input } = request.body
      const inputs = typeof input === 'string' ? [input] : input
      return Math.max(...inputs.map((text) => Buffer.byteLength(text)))
    }
    default:
      return request satisfies never
  }
}
