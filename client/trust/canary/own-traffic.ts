import type { AnswerRequest, ChatRequest } from '../../../protocol/index.ts'
import type { Canary } from './generate.ts'

/** Max requests kept, in memory only. */
const MAX_KEPT = 64
/** Longer requests are not kept, because canaries must be cheap. */
const MAX_CHARACTERS = 2_000
const MAX_TOKENS = 64

/** Recent requests of the caller, who has allowed showing them to newcomers. Kept in memory only. */
export class OwnTraffic {
  #kept: ChatRequest['messages'][] = []

  /** Keeps a request if it is plain text, without tools or images. */
  note(request: AnswerRequest): void {
    if (request.kind !== 'chat') return
    const { messages, tools = [] } = request.body
    const isPlain = messages.every(({ content }) => typeof content === 'string')
    if (!isPlain || (tools ?? []).length > 0) return
    const size = messages.reduce((sum, { content }) => sum + (content?.length ?? 0), 0)
    if (size > MAX_CHARACTERS) return
    this.#kept = [...this.#kept.slice(1 - MAX_KEPT), messages]
  }

  /** Draws one of the requests; undefined if it has kept no request. @param random from 0, below 1 */
  draw(random: () => number): Canary | undefined {
    const messages = this.#kept[Math.floor(random() * this.#kept.length)]
    return messages && { messages, max_tokens: MAX_TOKENS }
  }
}
