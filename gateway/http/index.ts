/**
 * Bodies in, answers, streams and errors out: what every dialect shares.
 *
 * @example
 * return eventStream(texts(), { keepAliveMs: 10_000 })
 *
 * @packageDocumentation
 */
export { boundedRequest } from './bounded-body.ts'
export { errorBody, errorHeaders, errorResponse, failureOf, shouldRetry } from './error-body.ts'
export { eventStream, sse, streamResponse, within } from './event-stream.ts'
export { type JsonBody, readJsonObject } from './read-json.ts'
export { type Served, servedHeaders } from './served-headers.ts'
