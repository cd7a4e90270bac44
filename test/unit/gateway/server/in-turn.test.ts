import { EventEmitter, once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { textStream } from '../../../../gateway/http/index.ts'
import { inTurn } from '../../../../gateway/server/in-turn.ts'
import { listening } from '../../../../gateway/server/listening.ts'
import { AS_TEXT } from './as-text.ts'

const open: { server: Server; socket: Socket }[] = []

afterEach(async () => {
  for (const { server, socket } of open.splice(0)) {
    socket.destroy()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** A server, and a connection to it over which these requests are sent at once. */
async function send(
  respond: (path: string, signal: AbortSignal) => Response | Promise<Response>,
  paths: readonly string[],
): Promise<{ readonly server: Server; readonly socket: Socket }> {
  const server = await listening(
    ({ url, signal }) => respond(new URL(url).pathname, signal),
    '127.0.0.1',
    0,
  )
  const { port } = server.address() as { readonly port: number }
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  open.push({ server, socket })
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''))
  return { server, socket }
}

it('answers the requests of a connection one after the other, in order', async () => {
  const paths = Array.from({ length: 100 }, (_, n) => `/${n}`)
  let running = 0
  let most = 0
  const { socket } = await send(async (path) => {
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
    return new Response(`<${path}>`)
  }, paths)
  let text = ''
  await new Promise<void>((resolve) => {
    socket.on('data', (bytes) => {
      text += String(bytes)
      if (text.includes('</99>')) resolve()
    })
  })
  expect([...text.matchAll(/<(\/\d+)>/g)].map(([, path]) => path)).toEqual(paths)
  expect(most).toBe(1)
})

it('cancels the answer of a caller that leaves, and begins none that waits', async () => {
  const begun: string[] = []
  let reads = 0
  const { promise: cancelled, resolve: onCancel } = Promise.withResolvers<void>()
  const { promise: aborted, resolve: onAbort } = Promise.withResolvers<void>()
  const { socket, server } = await send(
    (path, signal) => {
      begun.push(path)
      signal.addEventListener('abort', () => onAbort())
      const texts: AsyncIterator<string, void, void> = {
        next: () => {
          reads += 1
          return reads > 1 ? new Promise(() => {}) : Promise.resolve({ done: false, value: 'a' })
        },
        return: () => {
          onCancel()
          return Promise.resolve({ done: true, value: undefined })
        },
      }
      return textStream(texts, AS_TEXT, { keepAliveMs: 60_000 })
    },
    ['/first', '/second', '/third'],
  )
  await once(socket, 'data')
  socket.destroy()
  await Promise.all([cancelled, aborted])
  const closed = new Promise((resolve) => server.close(resolve))
  await closed
  expect(begun).toEqual(['/first'])
})

it('reads no more of a connection while many of its requests wait', async () => {
  const { promise: done, resolve: go } = Promise.withResolvers<void>()
  const { server, socket } = await send(async () => {
    await done
    return new Response('ok')
  }, Array<string>(100_000).fill('/'))
  let arrived = 0
  server.on('request', () => {
    arrived += 1
  })
  const [first] = (await once(server, 'connection')) as [Socket]
  // Two reads after the socket was paused would be seen here.
  for (let n = 0; n < 50; n += 1) await new Promise((resolve) => setImmediate(resolve))
  expect(first.bytesRead).toBeLessThan(1_000_000)
  expect(arrived).toBeLessThan(20_000)
  go()
  await once(socket, 'data')
})

it('answers a request once that arrives between the end of the one before and the next turn', async () => {
  const begun: unknown[] = []
  const listener = inTurn((incoming) => begun.push(incoming))
  const socket = Object.assign(new EventEmitter(), { resume: () => {}, pause: () => {} })
  const arrive = (): EventEmitter => {
    const outgoing = new EventEmitter()
    listener({ socket } as never as IncomingMessage, outgoing as ServerResponse)
    return outgoing
  }
  const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const first = arrive()
  first.emit('close')
  const second = arrive()
  await nextTurn()
  await nextTurn()
  expect(begun).toHaveLength(2)
  const third = arrive()
  second.emit('close')
  await nextTurn()
  third.emit('close')
  await nextTurn()
  expect(begun).toHaveLength(3)
})
