import type { ErrorFormat } from '../http/index.ts'

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  499: 'invalid_request_error',
  // No capacity, or no peer.
  503: 'overloaded_error',
  504: 'timeout_error',
}

/** Anthropic's form of an error. */
export const anthropicError: ErrorFormat = (
  { message: usual, code, param, skein },
  { status, requestId, length },
) => {
  const type = TYPES[status] ?? 'api_error'
  // Anthropic has no code for it: agents match this message.
  const tooLong = code === 'context_length_exceeded' ? `prompt is too long: ${usual}` : usual
  const message =
    length === undefined
      ? tooLong
      : `prompt is too long: ${length.promptTokens} tokens > ${length.contextLength} maximum`
  const details = param === 'thread' && { details: NO_THREADS }
  const error = { type, message, ...details, ...(skein && { skein }) }
  return { type: 'error', error, request_id: requestId }
}

/** On this error Anthropic's tool runner falls back to sending the whole conversation each time. */
const NO_THREADS = { error_code: 'thread_unsupported_request', unsupported: ['thread'] } as const
