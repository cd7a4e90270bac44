/** Error codes of a connection that the server closed while idle. */
const CLOSED_CODES: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])
/** A connection closed earlier fails at once; an engine that crashes on the request takes longer. */
const STALE_WITHIN_MS = 2_000

/**
 * Whether a request met a kept-alive connection that its server had already closed: no byte of an answer came, and the
 * connection had carried an answer before. Such a request was not processed, and can be sent again.
 */
export function metStaleConnection(error: unknown, wasUsed: boolean, tookMs: number): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof Error) || tookMs > STALE_WITHIN_MS) return false
  const { code, socket } = cause as { readonly code?: unknown; readonly socket?: unknown }
  if (typeof code !== 'string' || !CLOSED_CODES.has(code)) return false
  const { bytesRead } = (socket ?? {}) as { readonly bytesRead?: unknown }
  return typeof bytesRead === 'number' ? bytesRead > 0 : wasUsed
}

/** Whether the connection was refused: no process listens at the address. */
export function foundNoListener(error: unknown): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED'
}
