import type { DialectAnswer, DialectAsk } from './answer.ts'
import { askChat, askCompletion } from './chat.ts'
import { askMessages } from './messages.ts'
import { askOllama } from './ollama.ts'
import type { Shape } from './question.ts'
import { askResponses } from './responses.ts'

export type Dialect = 'chat' | 'responses' | 'anthropic' | 'ollama' | 'completion'

/** Asks in one dialect by its official SDK. Throws what the SDK throws. */
export const DIALECTS: Readonly<Record<Dialect, (ask: DialectAsk) => Promise<DialectAnswer>>> = {
  chat: askChat,
  responses: askResponses,
  anthropic: askMessages,
  ollama: askOllama,
  completion: askCompletion,
}

/** Whether a dialect can ask for an answer of this shape. */
export function speaks(dialect: Dialect, shape: Shape): boolean {
  return dialect !== 'completion' || shape === 'text' || shape === 'stop'
}
