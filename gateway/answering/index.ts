/**
 * Between a request over HTTP and the client's answer: how it is asked for, and when it has begun.
 *
 * @packageDocumentation
 */
export { openAnswer } from './opened-answer.ts'
export { requestOptions } from './request-options.ts'
export { headersOf, withoutSkein } from './served-by.ts'
