import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { endSlowUploads, UPLOAD_LIMITS } from '../../../../gateway/server/slow-uploads.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'

const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n'
let server: Server
let request: IncomingMessage
let clock: VirtualClock
let socket: Socket
let received: string
/** Bytes of the body at the server. */
let arrived: number

async function start(guarded = true, isRead = true): Promise<void> {
  clock = new VirtualClock()
  arrived = 0
  server = createServer((incoming) => {
    request = incoming
    if (!isRead) return
    request.on('data', (bytes: Uint8Array) => {
      arrived += bytes.length
    })
  })
  if (guarded) endSlowUploads(server, clock)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  received = ''
  socket.on('data', (bytes) => {
    received += String(bytes)
  })
  socket.on('error', () => {})
  socket.write(HEAD)
  await once(server, 'request')
}

beforeEach(() => start())
afterEach(() => {
  socket.destroy()
  server.closeAllConnections()
  server.close()
})

describe('a body that is withheld', () => {
  it.each(['', ' '.repeat(64)])('ends its request, sips or not (%j)', async (sip) => {
    socket.write(sip)
    await clock.run(UPLOAD_LIMITS.graceMs + UPLOAD_LIMITS.checkMs)
    await once(socket, 'close')
    expect(received).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('holds its connection without the bound (control)', async () => {
    await start(false)
    await clock.run(10 * UPLOAD_LIMITS.graceMs)
    expect(received).toBe('')
    expect(socket.destroyed).toBe(false)
  })

  it('is one only below the least rate', async () => {
    socket.write(' '.repeat(50_000))
    await expect.poll(() => arrived).toBe(50_000)
    await clock.run(UPLOAD_LIMITS.graceMs + 10_000)
    expect(socket.destroyed).toBe(false)
  })
})

it('is not too slow while the request waits for its turn, and what has come is not read', async () => {
  socket.destroy()
  server.close()
  await start(true, false)
  socket.write('x'.repeat(1_000))
  await once(request, 'readable')
  await clock.advance(120_000)
  expect(request.socket.writableEnded).toBe(false)
})
