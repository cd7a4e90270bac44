import { once } from 'node:events'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import { type Listener, type MultiaddrConnection, TypedEventEmitter } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PendingConnections } from '../../../../host/inbound/pending.ts'
import {
  WEB_SOCKET_LIMITS,
  webSocketTransport,
} from '../../../../host/network/web-socket-transport.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'

const BOUNDS = { pending: 40, pendingPerAddress: 10 }
const HANDSHAKE = [
  ...['GET / HTTP/1.1', 'Host: x', 'Upgrade: websocket', 'Connection: Upgrade'],
  ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', '', ''],
].join('\r\n')

let listener: Listener
let clock: VirtualClock
let pending: PendingConnections
let begun: MultiaddrConnection[]
let isRefused: boolean
let sockets: Socket[]

beforeEach(async () => {
  clock = new VirtualClock()
  pending = new PendingConnections(BOUNDS, () => clock.now())
  begun = []
  isRefused = false
  sockets = []
  const components = { logger: defaultLogger(), events: new TypedEventEmitter() }
  const transport = webSocketTransport(pending, clock)(components as never)
  const upgradeInbound = async (connection: MultiaddrConnection): Promise<void> => {
    begun.push(connection)
    if (isRefused) throw new Error('too many handshakes')
  }
  listener = transport.createListener({ upgrader: { upgradeInbound } } as never)
  await listener.listen(multiaddr('/ip4/127.0.0.1/tcp/0/ws'))
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await listener.close()
})

async function open(): Promise<Socket> {
  const { server } = listener as unknown as { readonly server: Server }
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection')
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  sockets.push(socket)
  await Promise.all([once(socket, 'connect'), accepted])
  return socket
}

async function opened(): Promise<Socket> {
  const socket = await open()
  socket.write(HANDSHAKE)
  await once(socket, 'data')
  return socket
}

const frame = (first: number, length: bigint): Buffer => {
  const head = Buffer.alloc(14)
  head[0] = first
  // Masked, and with a length of 8 bytes.
  head[1] = 0xff
  head.writeBigUInt64BE(length, 2)
  return head
}

describe('a WebSocket', () => {
  it.each([
    ['a frame with reserved bits', frame(0xff, 1n)],
    [
      'a message that is announced as longer than a piece of the encryption',
      frame(0x82, 90_000_000n),
    ],
  ])('ends by %s, and the process does not', async (_, bytes) => {
    const socket = await opened()
    const closed = once(socket, 'close')
    socket.write(bytes)
    await closed
    await expect.poll(() => begun[0]?.status).toBe('reset')
    await opened()
    expect(begun).toHaveLength(2)
  })

  it('ends at once where its connection is reset, or refused', async () => {
    const socket = await opened()
    const closed = once(socket, 'close')
    begun[0]?.abort(new Error('too many connections'))
    await closed
    isRefused = true
    const refused = await open()
    refused.resume().write(HANDSHAKE)
    await once(refused, 'close')
  })

  it('passes messages of the longest piece', async () => {
    const socket = await opened()
    let received = 0
    begun[0]?.addEventListener('message', ({ data }) => {
      received += data.byteLength
    })
    socket.write(frame(0x82, 65_537n))
    socket.write(Buffer.alloc(65_537))
    await expect.poll(() => received).toBe(65_537)
  })
})

describe('sockets at the port of WebSockets', () => {
  it('that never speak count as pending handshakes, and displace only one another', async () => {
    for (let n = 0; n < 30; n += 1) await open()
    expect(pending.size).toBe(BOUNDS.pendingPerAddress)
    await clock.advance(2_000)
    await opened()
    expect(begun).toHaveLength(1)
  })

  it('are closed ten seconds later', async () => {
    const silent = await open()
    const closed = once(silent, 'close')
    const speaking = await opened()
    await clock.advance(WEB_SOCKET_LIMITS.handshakeMs)
    await closed
    expect(pending.size).toBe(0)
    expect(speaking.destroyed).toBe(false)
  })

  it('that ask for pages are answered once and closed', async () => {
    const socket = await open()
    let text = ''
    socket.on('data', (bytes) => {
      text += String(bytes)
    })
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5_000))
    await once(socket, 'close')
    expect(text.match(/HTTP\/1\.1 400 /g)).toHaveLength(1)
  })
})
