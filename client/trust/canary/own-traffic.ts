import type { AnswerRequest, ChatRequest } from '../../../protocol/index.ts'
import type { Canary } from './generate.ts'

/** Past requests that are kept, in memory only. */
const MAX_KEPT = 64
/** Longer ones are not kept: a canary is to cost little. */
const MAX_CHARACTERS = 2_000
const MAX_TOKENS = 64

/** The caller's own past requests, where the caller allows that newcomers see them. Bounded, and never written down. */
export class OwnTraffic {
  #kept: ChatRequest['messages'][] = []

  /** Remembers plain text only: no tools, no images. */
  note(request: AnswerRequest): void {
    if (request.kind !== 'chat') return
    const { messages, tools = [] } = request.body
    const isPlain = messages.every(({ content }) => typeof content === 'string')
    if (!isPlain || (tools ?? []).length > 0) return
    const size = messages.reduce((sum, { content }) => sum + (content?.length ?? 0), 0)
    if (size > MAX_CHARACTERS) return
    this.#kept = [...this.#kept.slice(1 - MAX_KEPT), messages]
  }

  /** One of them, or nothing yet. @param random from 0, below 1 */
  draw(random: () => number): Canary | undefined {
    const messages = this.#kept[Math.floor(random() * this.#kept.length)]
    return messages && { messages, max_tokens: MAX_TOKENS }
  }
}
