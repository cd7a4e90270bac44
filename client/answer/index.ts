/**
 * Answers in OpenAI's shapes: chunks with one id, model and role, whichever peers serve them, and assembled whole answers.
 *
 * @packageDocumentation
 */
export { type Answer, createAnswer } from './answer.ts'
export { assembleChat, assembleCompletion, assembleEmbeddings } from './assemble.ts'
export { chatIdentity, completionIdentity } from './identity.ts'
export { chatChunks, completionChunks, type NormalizeOptions } from './normalize.ts'
export type {
  ChatChoice,
  ChatCompletion,
  Completion,
  CompletionChoice,
  EmbeddingResponse,
  ServedBy,
  ServedChunk,
} from './results.ts'
