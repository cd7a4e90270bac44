import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Time for a new connection to send its first request. */
const FRESH_MS = 1_000

interface Seen {
  /** Requests in progress. */
  busy: number
  everUsed: boolean
  sinceMs: number
}

/**
 * Makes room for new connections: at the limit, the connection idle for longest is closed, those without any request
 * first. Silent connections then cannot keep callers out.
 *
 * @param maxOpen number of connections from which each new one closes an idle one
 */
export function closeIdleSockets(server: Server, maxOpen: number, now: () => number): void {
  const sockets = new Map<Socket, Seen>()
  /** Notes a request that began, or ended. The map is in the order of the last of these. */
  const note = (socket: Socket, change: 1 | -1): void => {
    const seen = sockets.get(socket)
    if (seen === undefined) return
    sockets.delete(socket)
    sockets.set(socket, seen)
    seen.busy += change
    seen.everUsed = true
    seen.sinceMs = now()
  }
  server.on('connection', (socket) => {
    sockets.set(socket, { busy: 0, everUsed: false, sinceMs: now() })
    socket.once('close', () => sockets.delete(socket))
    if (sockets.size <= maxOpen) return
    const idle = [...sockets].filter(([, { busy }]) => busy === 0)
    const [victim] =
      idle.find(([, { everUsed, sinceMs }]) => !everUsed && now() - sinceMs >= FRESH_MS) ??
      idle.find(([, { everUsed }]) => everUsed) ??
      idle.find(([other]) => other !== socket) ??
      []
    victim?.destroy()
  })
  server.on('request', ({ socket }, response) => {
    note(socket, 1)
    // It closes once: `once` would wrap the listener.
    response.on('close', () => note(socket, -1))
  })
}
