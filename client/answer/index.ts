/**
 * What the caller gets: chunks with one id, one model and one role whoever served them, and whole answers put together.
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
