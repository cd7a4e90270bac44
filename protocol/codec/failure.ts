import { defined } from '../defined.ts'
import { isErrorCode } from '../error-table.ts'
import { type ErrorDetails, InferenceError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { plainLine } from '../plain-text.ts'
import type { Failed as FailedMessage } from '../skein_pb.ts'
import { malformed } from './message.ts'

/** Decodes a peer's failure, with its message truncated. A code reserved for the receiver breaks the protocol. */
export function failureFromPeer(message: FailedMessage): InferenceError {
  const { code, param, retryAfterMs } = message
  if (!isErrorCode(code)) throw malformed('unknown error code')
  const text = plainLine(message.message.slice(0, LIMITS.maxMessageLength))
  const error = new InferenceError(code, text, {
    ...(retryAfterMs !== undefined && {
      retryAfterMs: Math.min(retryAfterMs, LIMITS.maxRetryAfterMs),
    }),
    details: {
      ...(code === 'context_too_long' && sizesOf(message)),
      ...(param !== undefined && { param: plainLine(param.slice(0, LIMITS.maxNameLength)) }),
    },
  })
  if (!error.traits.fromPeer) throw malformed(`a peer cannot send ${code}`)
  return error
}

/** Token counts of a prompt that is too long. Fields of other codes are ignored. */
function sizesOf({ promptTokens, contextLength }: FailedMessage): ErrorDetails<'context_too_long'> {
  return defined({ promptTokens, contextLength })
}
