import { createServer } from 'node:net'

/** Whether this process can listen on a TCP port now. */
export function canListen(port: number, address = '0.0.0.0'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: address, exclusive: true }, () => {
      server.close(() => resolve(true))
    })
  })
}
