import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { type Clock, every } from '../../timing/index.ts'

/** Bounds on how slowly a body may arrive. */
export const UPLOAD_LIMITS = {
  /** A body may stand still for this long in all, beyond the time that its bytes take at the least rate. */
  graceMs: 15_000,
  bytesPerSecond: 1_024,
  checkMs: 5_000,
} as const

const TIMEOUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'

interface Upload {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Bytes that its connection had received before it. */
  readonly before: number
  startedAtMs: number
  checkedAtMs: number
}

/**
 * Ends requests whose body is withheld or arrives in sips: they hold a connection, and memory, that others could
 * use.
 */
export function endSlowUploads(server: Server, clock: Clock): void {
  const uploads = new Set<Upload>()
  server.on('request', (request, response) => {
    const now = clock.now()
    const before = request.socket.bytesRead
    const upload = { request, response, before, startedAtMs: now, checkedAtMs: now }
    uploads.add(upload)
    response.on('close', () => uploads.delete(upload))
  })
  // One timer for all: most bodies are there before a timer of their own would matter.
  const timer = every(clock, UPLOAD_LIMITS.checkMs, () => {
    for (const upload of uploads) {
      const { request, response } = upload
      const isOver = request.complete || response.headersSent
      if (!isOver && !isTooSlow(upload, clock.now())) continue
      uploads.delete(upload)
      if (isOver) continue
      request.socket.write(TIMEOUT)
      request.socket.destroySoon()
    }
  })
  server.once('close', () => timer[Symbol.dispose]())
}

function isTooSlow(upload: Upload, nowMs: number): boolean {
  const { request, before, checkedAtMs } = upload
  upload.checkedAtMs = nowMs
  // What has arrived is not read yet: the request waits for its turn.
  if (request.readableLength > 0) upload.startedAtMs += nowMs - checkedAtMs
  const countedMs = nowMs - upload.startedAtMs - UPLOAD_LIMITS.graceMs
  const due = (countedMs * UPLOAD_LIMITS.bytesPerSecond) / 1_000
  return countedMs > 0 && request.socket.bytesRead - before < due
}
