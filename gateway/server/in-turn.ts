import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that wait for their turn, beyond which no more of it is read. */
const MAX_WAITING = 16

/** The requests of one connection. */
interface Line {
  /** Begin the answers to those that wait, the oldest first. */
  readonly waiting: (() => void)[]
  /** Whether one is answered, or about to be. */
  isTaken: boolean
  /** Whether no more of the connection is read. */
  isPaused: boolean
}

/**
 * Answers the requests of a connection one after the other. They may arrive by the thousand in one read, and Node begins
 * all of them in the same turn of the loop, although their answers leave in order. Those that wait when the connection
 * closes are dropped.
 */
export function inTurn(
  answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
): RequestListener {
  const lines = new WeakMap<Socket, Line>()
  return (incoming, outgoing) => {
    const { socket } = incoming
    const line = lines.get(socket) ?? { waiting: [], isTaken: false, isPaused: false }
    lines.set(socket, line)
    const { waiting } = line
    const next = (): void => {
      const begin = socket.destroyed ? undefined : waiting.shift()
      line.isTaken = begin !== undefined
      if (line.isPaused && waiting.length < MAX_WAITING) {
        line.isPaused = false
        socket.resume()
      }
      begin?.()
    }
    waiting.push(() => {
      // A request that arrives before the next turn finds the line taken, so that it begins once.
      outgoing.once('close', () => setImmediate(next))
      answer(incoming, outgoing)
    })
    if (!line.isTaken) next()
    else if (waiting.length >= MAX_WAITING) {
      // Only then is it known that Node does not resume the socket itself, as it does after each request that it parses.
      process.nextTick(() => {
        if (waiting.length < MAX_WAITING) return
        line.isPaused = true
        socket.pause()
      })
    }
  }
}
