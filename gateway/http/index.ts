/**
 * HTTP bodies, answers, streams and errors, shared by all dialects.
 *
 * @example
 * async function* pieces() {
 *   yield 'Hello!'
 * }
 * const form = {
 *   take: (text: string) => sse({ text }),
 *   end: () => sse('[DONE]'),
 *   fail: () => sse({ error: 'failed' }),
 * }
 * const response = textStream(pieces(), form, { keepAliveMs: 10_000 })
 *
 * @packageDocumentation
 */
export { bodyMemory } from './body-memory.ts'
export { boundedRequest } from './bounded-body.ts'
export { type ErrorFormat, errorBody, errorResponse, failureOf } from './error-body.ts'
export {
  sse,
  type TextStreamInit,
  textStream,
  within,
} from './event-stream.ts'
export { GatheredBytes } from './gathered-bytes.ts'
export { HttpRefusal } from './http-refusal.ts'
export { exceededLength } from './length-exceeded.ts'
export { readBody } from './read-body.ts'
export { type JsonBody, readJsonObject } from './read-json.ts'
export { type Served, servedHeaders } from './served-headers.ts'
export { type Texts, textsOf } from './streamed-response.ts'
export type { TextForm } from './text-source.ts'
export { untilAborted } from './until-aborted.ts'
export { skeinField, type VerificationSummary, verificationHeader } from './verification-summary.ts'
