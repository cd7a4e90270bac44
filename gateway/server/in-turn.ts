import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that wait for their turn, beyond which no more of it is read. */
const MAX_WAITING = 16

/**
 * Answers the requests of a connection one after the other. They may arrive by the thousand in one read, and Node begins
 * all of them in the same turn of the loop, although their answers leave in order. Those that wait when the connection
 * closes are dropped.
 */
export function inTurn(
  answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
): RequestListener {
  /** Of each connection, the one that is answered first. */
  const lines = new WeakMap<Socket, (() => void)[]>()
  return (incoming, outgoing) => {
    const { socket } = incoming
    const line = lines.get(socket) ?? []
    lines.set(socket, line)
    const start = (): void => {
      outgoing.once('close', () => {
        line.shift()
        if (line.length <= MAX_WAITING) socket.resume()
        setImmediate(() => {
          if (!socket.destroyed) line[0]?.()
        })
      })
      answer(incoming, outgoing)
    }
    line.push(start)
    if (line.length === 1) start()
    else if (line.length > MAX_WAITING) {
      // Only then is it known that Node does not resume the socket itself, as it does after each request that it parses.
      process.nextTick(() => {
        if (line.length > MAX_WAITING) socket.pause()
      })
    }
  }
}
