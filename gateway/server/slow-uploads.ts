import type { Server } from 'node:http'
import { type Clock, every } from '../../timing/index.ts'

/** Bounds on how slowly a body may arrive. */
export const UPLOAD_LIMITS = {
  /** A body may stand still for this long in all, beyond the time that its bytes take at the least rate. */
  graceMs: 15_000,
  bytesPerSecond: 1_024,
  checkMs: 5_000,
} as const

const TIMEOUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'

/**
 * Ends requests whose body is withheld or arrives in sips: they hold a connection, and memory, that others could
 * use.
 */
export function endSlowUploads(server: Server, clock: Clock): void {
  server.on('request', (request, response) => {
    const { socket } = request
    let startedAtMs = clock.now()
    const before = socket.bytesRead
    const timer = every(clock, UPLOAD_LIMITS.checkMs, () => {
      if (request.complete || response.headersSent) return timer[Symbol.dispose]()
      // What has arrived is not read yet: the request waits for its turn.
      if (request.readableLength > 0) startedAtMs += UPLOAD_LIMITS.checkMs
      const countedMs = clock.now() - startedAtMs - UPLOAD_LIMITS.graceMs
      const due = (countedMs * UPLOAD_LIMITS.bytesPerSecond) / 1_000
      if (countedMs <= 0 || socket.bytesRead - before >= due) return
      timer[Symbol.dispose]()
      socket.write(TIMEOUT)
      socket.destroySoon()
    })
    response.once('close', () => timer[Symbol.dispose]())
  })
}
