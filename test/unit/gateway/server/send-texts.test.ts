import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { textStream } from '../../../../gateway/http/index.ts'
import { listening } from '../../../../gateway/server/listening.ts'
import { AS_TEXT } from './as-text.ts'

const servers: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of servers.splice(0)) await one[Symbol.asyncDispose]()
})

/** A connection to a server that streams these texts, after its request was sent. */
async function ask(texts: AsyncIterator<string, void, void>): Promise<Socket> {
  const server = await listening(
    () => textStream(texts, AS_TEXT, { keepAliveMs: 60_000 }),
    '127.0.0.1',
    0,
  )
  const { port } = server.address() as { readonly port: number }
  const socket = connect(port, '127.0.0.1')
  servers.push({
    async [Symbol.asyncDispose]() {
      socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  return socket
}

it('sends the head with the first text, and the rest as it comes', async () => {
  const { promise: more, resolve: goOn } = Promise.withResolvers<void>()
  async function* texts(): AsyncGenerator<string, void, void> {
    yield 'one'
    yield 'two'
    await more
    yield 'three'
  }
  const socket = await ask(texts())
  const [first] = (await once(socket, 'data')) as [Buffer]
  expect(String(first)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*onetwo\r\n$/)
  goOn()
  let rest = ''
  socket.on('data', (bytes) => {
    rest += String(bytes)
  })
  await once(socket, 'end')
  expect(rest).toContain('three')
})

it('sends the head of an answer whose first text is late, and never ends a failed one as whole', async () => {
  const { promise: first, reject: fail } = Promise.withResolvers<string>()
  async function* texts(): AsyncGenerator<string, void, void> {
    yield await first
  }
  const socket = await ask(texts())
  const [head] = (await once(socket, 'data')) as [Buffer]
  expect(String(head)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/)
  let rest = ''
  socket.on('data', (bytes) => {
    rest += String(bytes)
  })
  fail(new Error('the engine is gone'))
  await once(socket, 'close')
  // The chunk of length 0 would end it.
  expect(rest).toBe('')
})

it('stops asking for texts while the caller does not read, and cancels them when it leaves', async () => {
  const text = 'x'.repeat(65_536)
  let asked = 0
  const { promise: left, resolve: leave } = Promise.withResolvers<void>()
  const { promise: full, resolve: fill } = Promise.withResolvers<void>()
  async function* texts(): AsyncGenerator<string, void, void> {
    try {
      // Far more than the buffers of a connection hold.
      for (; asked < 4_096; asked += 1) {
        if (asked === 16) fill()
        yield text
      }
    } finally {
      leave()
    }
  }
  const socket = await ask(texts())
  socket.pause()
  await full
  socket.destroy()
  await left
  expect(asked).toBeLessThan(4_096)
})
