import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends every answer of a connection that closes. Node before 24 ends only the one that has the socket: an answer that
 * waits for an earlier one of its connection would go on without a reader.
 */
export function endPipelined(server: Server): void {
  const pending = new WeakMap<Socket, Set<ServerResponse>>()
  server.on('connection', (socket) => {
    const answers = new Set<ServerResponse>()
    pending.set(socket, answers)
    socket.once('close', () => {
      for (const answer of answers) end(answer)
    })
  })
  server.on('request', ({ socket }, answer) => {
    const answers = pending.get(socket)
    answers?.add(answer)
    answer.once('close', () => answers?.delete(answer))
  })
}

/** The answer that has the socket is ended by Node. */
function end(answer: ServerResponse): void {
  if (answer.socket !== null) return
  answer.destroy()
  setImmediate(() => {
    if (!answer.closed) answer.emit('close')
  })
}
