import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { STUN } from '../../../../host/direct-path/limits.ts'
import { serveStun, stunAdmission } from '../../../../host/direct-path/stun-server.ts'

const REQUEST = Buffer.from(
  '000100142112a44230326d354459b60e1d5d0041802200086c69626a756963658028000485e1f111',
  'hex',
)

function admitted(
  mayAnswer: ReturnType<typeof stunAdmission>,
  count: number,
  address: (index: number) => string,
): number {
  return Array.from({ length: count }, (_, index) =>
    mayAnswer({ address: address(index), port: 40_000 }),
  ).filter(Boolean).length
}

describe('stunAdmission', () => {
  it('bounds the answers to one address, and lets its bucket fill again', () => {
    let nowMs = 0
    const mayAnswer = stunAdmission(() => nowMs)
    expect(admitted(mayAnswer, 100, () => '44.0.0.1')).toBe(STUN.perAddress.burst)
    nowMs += 2_000
    expect(admitted(mayAnswer, 100, () => '44.0.0.1')).toBe(2 * STUN.perAddress.perSecond)
  })

  it('bounds the answers to one network, and in all', () => {
    const mayAnswer = stunAdmission(() => 0)
    expect(admitted(mayAnswer, 250, (index) => `44.0.0.${index}`)).toBe(STUN.perNetwork.burst)
    const rest = STUN.total.burst - STUN.perNetwork.burst
    expect(admitted(mayAnswer, 5_000, (index) => `45.${index >> 8}.${index & 255}.1`)).toBe(rest)
  })

  it('does not let one flooded address use up what others get', () => {
    const mayAnswer = stunAdmission(() => 0)
    admitted(mayAnswer, 100_000, () => '44.0.0.1')
    expect(mayAnswer({ address: '44.0.0.2', port: 40_000 })).toBe(true)
  })

  it('never answers to a port of a system service', () => {
    const mayAnswer = stunAdmission(() => 0)
    expect(mayAnswer({ address: '44.0.0.1', port: 53 })).toBe(false)
    expect(mayAnswer({ address: '44.0.0.1', port: 1_023 })).toBe(false)
  })
})

describe('serveStun', () => {
  it('answers the request, drops the rest, and closes its port with the signal', async () => {
    const stopping = new AbortController()
    const init = { ip: '127.0.0.1', port: 0, now: () => 0, signal: stopping.signal }
    const port = await serveStun(init)
    const socket = createSocket('udp4')
    try {
      const answer = once(socket, 'message') as Promise<[Buffer]>
      socket.send(Buffer.from('hello'), port, '127.0.0.1')
      socket.send(REQUEST, port, '127.0.0.1')
      const [response] = await answer
      expect(response.readUInt16BE(26) ^ 0x2112).toBe(socket.address().port)
    } finally {
      socket.close()
    }
    await expect(serveStun({ ...init, port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    stopping.abort()
    await expect(serveStun({ ...init, port })).rejects.toMatchObject({ name: 'AbortError' })
  })
})
