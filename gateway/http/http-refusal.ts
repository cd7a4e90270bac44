import type { ErrorFormat } from './error-body.ts'

/** Failures that only HTTP has, never a request to a peer. */
const KINDS = {
  not_found: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  request_too_large: { status: 413, type: 'invalid_request_error' },
  /** Addressed to another host name (RFC 9110, 15.5.20). */
  misdirected_request: { status: 421, type: 'invalid_request_error' },
} as const

/** A request that the gateway rejects before asking any peer, with its HTTP status. */
export class HttpRefusal extends Error {
  override readonly name: string = 'HttpRefusal'
  readonly code: keyof typeof KINDS
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: keyof typeof KINDS,
    message: string,
    options: { readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message)
    this.code = code
    this.headers = options.headers ?? {}
  }

  /** @param format the dialect of the path */
  response(requestId: string, format: ErrorFormat): Response {
    const { type, status } = KINDS[this.code]
    const error = { message: this.message, type, param: null, code: this.code }
    return Response.json(format(error, { status, requestId }), { status, headers: this.headers })
  }
}
