import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that wait for their turn, beyond which no more of it is read. */
const MAX_WAITING = 16

type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => void

/**
 * Answers the requests of a connection one after the other. They may arrive by the thousand in one read, and Node begins
 * all of them in the same turn of the loop, although their answers leave in order. Those that wait when the connection
 * closes are dropped.
 */
export function inTurn(answer: Answer): RequestListener {
  const lines = new WeakMap<Socket, Line>()
  return (incoming, outgoing) => {
    const { socket } = incoming
    let line = lines.get(socket)
    if (line === undefined) {
      line = new Line(socket, answer)
      lines.set(socket, line)
    }
    line.add(incoming, outgoing)
  }
}

/** The requests of one connection. */
class Line {
  readonly #socket: Socket
  readonly #answer: Answer
  /** Those that wait, the oldest first. */
  readonly #waiting: (readonly [IncomingMessage, ServerResponse])[] = []
  /** Whether one is answered, or about to be. */
  #isTaken: boolean = false
  /** Whether no more of the connection is read. */
  #isPaused: boolean = false

  constructor(socket: Socket, answer: Answer) {
    this.#socket = socket
    this.#answer = answer
  }

  add(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.#waiting.push([incoming, outgoing])
    if (!this.#isTaken) this.#next()
    // Only then is it known that Node does not resume the socket itself, as it does after each request that it parses.
    else if (this.#waiting.length >= MAX_WAITING) process.nextTick(this.#pause)
  }

  readonly #pause = (): void => {
    if (this.#waiting.length < MAX_WAITING) return
    this.#isPaused = true
    this.#socket.pause()
  }

  readonly #next = (): void => {
    const begun = this.#socket.destroyed ? undefined : this.#waiting.shift()
    this.#isTaken = begun !== undefined
    if (this.#isPaused && this.#waiting.length < MAX_WAITING) {
      this.#isPaused = false
      this.#socket.resume()
    }
    if (begun === undefined) return
    const [incoming, outgoing] = begun
    outgoing.on('close', this.#onClose)
    this.#answer(incoming, outgoing)
  }

  /** A request that arrives before the next turn finds the line taken, so that it begins once. */
  readonly #onClose = (): void => {
    setImmediate(this.#next)
  }
}
