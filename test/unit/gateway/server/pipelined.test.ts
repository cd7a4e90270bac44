import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { textStream } from '../../../../gateway/http/index.ts'
import { listening } from '../../../../gateway/server/listening.ts'

const PATHS = ['/first', '/second', '/third']

it('cancels every answer of a connection that its caller leaves, begun or waiting', async () => {
  const running = Promise.withResolvers<void>()
  const cancelled = new Set<string>()
  const aborted = new Set<string>()
  const over = Promise.withResolvers<void>()
  const note = (set: Set<string>, path: string): void => {
    set.add(path)
    if (cancelled.size + aborted.size === 2 * PATHS.length) over.resolve()
  }
  let begun = 0
  /** One text, and then none for ever. */
  function endless(path: string): AsyncIterator<string, void, void> {
    let reads = 0
    return {
      next: () => {
        reads += 1
        if (reads > 1) return new Promise(() => {})
        begun += 1
        if (begun === PATHS.length) running.resolve()
        return Promise.resolve({ done: false, value: 'text' })
      },
      return: () => {
        note(cancelled, path)
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }
  const server = await listening(
    (request) => {
      const { pathname } = new URL(request.url)
      request.signal.addEventListener('abort', () => note(aborted, pathname))
      return textStream(endless(pathname), { keepAliveMs: 60_000 })
    },
    '127.0.0.1',
    0,
  )
  const { port } = server.address() as { readonly port: number }
  const socket = connect(port, '127.0.0.1')
  socket.write(PATHS.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''))
  await Promise.all([once(socket, 'data'), running.promise])
  socket.destroy()
  await over.promise
  expect([cancelled, aborted]).toEqual([new Set(PATHS), new Set(PATHS)])
  await new Promise((resolve) => server.close(resolve))
})
