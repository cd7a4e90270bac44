import { InferenceError } from '../../protocol/index.ts'
import { diskFaultOf, isOutOfSpace } from '../../storage/index.ts'
import { type ExceededLength, exceededLength, openAiLengthMessage } from './length-exceeded.ts'
import { skeinField, verificationHeader } from './verification-summary.ts'

/** OpenAI's form of an error. */
export interface OpenAiError {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
    /** The evidence, if the answer failed verification. */
    readonly skein?: object
  }
}

/** Any failure in OpenAI's form. Details of internal failures are not revealed. */
export function errorBody(error: InferenceError): OpenAiError {
  const { code, details, traits } = error
  const fields = {
    message: messageOf(error),
    type: traits.type,
    param: details.param ?? null,
    // OpenAI's code, which agents match.
    code: code === 'context_too_long' ? 'context_length_exceeded' : code,
  }
  return {
    error: { ...fields, ...skeinField(error.detailsOf('verification_failed').verification) },
  }
}

function messageOf(error: InferenceError): string {
  if (error.code === 'internal') return 'internal error of the gateway; see its log'
  const length = exceededLength(error)
  return length === undefined ? error.message : openAiLengthMessage(length)
}

/** Default `retry-after`. */
const BUSY_RETRY_MS = 1_000
/** SDKs do not wait longer, and would ask again at once. A minute's limit begins anew within it. */
const MAX_SDK_WAIT_MS = 60_000

/**
 * Whether the caller should retry: yes after a lack of capacity, which passes; else only if no peer was asked, because
 * the network has already retried.
 */
function shouldRetry(error: InferenceError): boolean {
  const { details, traits } = error
  if ((error.retryAfterMs ?? 0) > MAX_SDK_WAIT_MS) return false
  if (isBusy(error)) return true
  return traits.status >= 500 && traits.retryElsewhere && (details.attempts ?? []).length === 0
}

function isBusy({ code, traits }: InferenceError): boolean {
  return traits.kind === 'busy' || code === 'budget_exhausted'
}

/** Headers that show an SDK whether and when to retry. */
function errorHeaders(error: InferenceError): Record<string, string> {
  const { details, traits } = error
  const retryAfterMs = error.retryAfterMs ?? (isBusy(error) ? BUSY_RETRY_MS : undefined)
  const attempts = details.attempts ?? []
  return {
    ...(traits.status >= 429 && { 'x-should-retry': String(shouldRetry(error)) }),
    ...(retryAfterMs !== undefined && {
      'retry-after': String(Math.ceil(retryAfterMs / 1_000)),
      'retry-after-ms': String(Math.ceil(retryAfterMs)),
    }),
    ...(attempts.length > 0 && { 'x-skein-attempts': String(attempts.length) }),
    ...verificationHeader(error.detailsOf('verification_failed').verification),
  }
}

/** Converts an error to another dialect. */
export type ErrorFormat = (
  error: OpenAiError['error'],
  about: {
    readonly status: number
    readonly requestId: string
    /** Token counts of a prompt that is too long. */
    readonly length?: ExceededLength | undefined
  },
) => object

/** A failure before the first byte of an answer. */
export function errorResponse(
  error: InferenceError,
  requestId: string,
  format: ErrorFormat = (body) => ({ error: body }),
): Response {
  const { status } = error.traits
  const about = { status, requestId, length: exceededLength(error) }
  return Response.json(format(errorBody(error).error, about), {
    status,
    headers: errorHeaders(error),
  })
}

/** How long a disk usually stays full. */
const DISK_RETRY_MS = 30_000

/**
 * Converts what a handler threw to a reportable error. An aborted request is `cancelled`; a full disk is named, without
 * a path.
 */
export function failureOf(error: unknown, signal: AbortSignal): InferenceError {
  if (!InferenceError.is(error) && isOutOfSpace(error)) {
    const message = `this gateway cannot store anything now: ${diskFaultOf(error)?.reason}`
    return new InferenceError('over_capacity', message, {
      cause: error,
      retryAfterMs: DISK_RETRY_MS,
    })
  }
  return InferenceError.from(error, signal.aborted ? 'cancelled' : 'internal')
}
