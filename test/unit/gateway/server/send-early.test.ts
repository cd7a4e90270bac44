import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { openGateway } from '../../../../gateway/gateway.ts'
import type { GatewayClient } from '../../../../gateway/gateway-client.ts'
import { createApiKey } from '../../../../gateway/index.ts'
import { listening } from '../../../../gateway/server/listening.ts'
import { DISCARD_LIMITS, sendEarly } from '../../../../gateway/server/send-early.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'

const client = {
  names: { providers: [], aliases: [] },
  models: async () => [],
  observe: () => () => {},
} as unknown as GatewayClient

let server: Server | undefined
let socket: Socket | undefined

afterEach(() => {
  socket?.destroy()
  server?.closeAllConnections()
  server?.close()
})

async function connected(to: Server): Promise<{ readonly text: () => string }> {
  server = to
  socket = connect((to.address() as AddressInfo).port, '127.0.0.1')
  let text = ''
  socket.on('data', (bytes) => {
    text += String(bytes)
  })
  await once(socket, 'connect')
  return { text: () => text }
}

const head = (path: string, bytes: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`

describe('a caller whose body is refused before its end', () => {
  const wide = Buffer.from(`{"model":"m","x":"${'字'.repeat(5_000_000)}"}`)
  const tooLong = Buffer.alloc(20_000_000, 0x20)

  it.each([
    ['too long', tooLong, 413, {}],
    ['without memory for it', wide, 503, { maxBodyMemoryBytes: 4_000_000 }],
    ['without a key', wide, 401, { apiKeys: [createApiKey('anna').kept] }],
  ])('can send all of it and read the answer, and go on: %s', async (_, body, status, init) => {
    const { respond, close } = openGateway(client, init)
    const { text } = await connected(await listening(respond, '127.0.0.1', 0))
    socket?.write(head('/v1/chat/completions', body.length))
    // A caller that reads no answer before it has sent everything.
    const sent = new Promise<unknown>((resolve) => socket?.write(body, resolve))
    expect(await sent).toBeFalsy()
    await expect.poll(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    socket?.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await expect.poll(text).toMatch(/\{"status":"ok"\}/)
    await close()
  })
})

describe('a caller that does not stop sending after its refusal', () => {
  async function start(clock: VirtualClock): Promise<() => number> {
    let arrived = 0
    const to = createServer((incoming, outgoing) => {
      void sendEarly(incoming, outgoing, new Response('no', { status: 413 }), clock)
      setImmediate(() =>
        incoming.on('data', ({ length }: Uint8Array) => {
          arrived += length
        }),
      )
    }).listen(0, '127.0.0.1')
    await once(to, 'listening')
    const { text } = await connected(to)
    socket?.write(head('/', 1_000_000))
    await expect.poll(text).toMatch(/no$/)
    return () => arrived
  }

  it('is cut off after a few seconds of silence', async () => {
    const clock = new VirtualClock()
    await start(clock)
    const closed = once(socket as Socket, 'close')
    await clock.advance(DISCARD_LIMITS.silentMs)
    await closed
  })

  it('is cut off in the end, although it goes on', async () => {
    const clock = new VirtualClock()
    const arrived = await start(clock)
    const stepMs = DISCARD_LIMITS.silentMs - 1
    const steps = Math.floor(DISCARD_LIMITS.ms / stepMs)
    for (let n = 1; n <= steps; n += 1) {
      socket?.write(' ')
      await expect.poll(arrived).toBe(n)
      await clock.advance(stepMs)
    }
    const closed = once(socket as Socket, 'close')
    await clock.advance(DISCARD_LIMITS.ms - steps * stepMs)
    await closed
  })
})
