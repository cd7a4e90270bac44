/**
 * OpenAI's endpoints for chats, completions, embeddings and models.
 *
 * @packageDocumentation
 */
export { chatCompletions } from './chat.ts'
export { completions } from './completions.ts'
export { embeddings } from './embeddings.ts'
export { models } from './models.ts'
export { shownAnswer } from './shown-answer.ts'
