import type { Stream, StreamMuxer } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { describe, expect, it } from 'vitest'
import { muxer } from '../../../host/muxer.ts'

/** Two muxers over one connection, and the messages that each side sent on it. */
function pair(): {
  readonly near: StreamMuxer
  readonly far: Promise<Stream>
  readonly sent: { near: number; far: number }
} {
  const [one, other] = multiaddrConnectionPair()
  const sent = { near: 0, far: 0 }
  for (const [side, connection] of [
    ['near', one],
    ['far', other],
  ] as const) {
    const send = connection.send.bind(connection)
    connection.send = (data) => {
      sent[side] += 1
      return send(data)
    }
  }
  const near = muxer()().createStreamMuxer(one)
  const answering = muxer()().createStreamMuxer(other)
  const far = new Promise<Stream>((resolve) => {
    answering.addEventListener('stream', ({ detail }) => resolve(detail))
  })
  return { near, far, sent }
}

const bytesOf = (stream: Stream, count: number): Promise<number[]> =>
  new Promise((resolve) => {
    const bytes: number[] = []
    stream.addEventListener('message', ({ data }) => {
      bytes.push(...data.subarray())
      if (bytes.length >= count) resolve(bytes)
    })
  })

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the muxer', () => {
  it('sends what streams write in one turn as one message, in order', async () => {
    const { near, far, sent } = pair()
    const stream = await near.createStream()
    const received = far.then((inbound) => bytesOf(inbound, 20))
    await far
    await turn()
    sent.near = 0
    for (let n = 0; n < 20; n += 1) stream.send(Uint8Array.of(n))
    expect(await received).toEqual([...Array(20).keys()])
    expect(sent.near).toBe(1)
  })

  it('keeps a stream paused whose reader pauses it while it is given what was kept', async () => {
    const { near, far } = pair()
    const stream = await near.createStream()
    const inbound = await far
    inbound.pause()
    stream.send(new Uint8Array(1_000))
    while (inbound.readBufferLength === 0) await turn()
    inbound.addEventListener('message', () => inbound.pause(), { once: true })
    inbound.resume()
    for (let n = 0; n < 100; n += 1) stream.send(new Uint8Array(65_536))
    let before = -1
    while (inbound.readBufferLength > before) {
      before = inbound.readBufferLength
      for (let n = 0; n < 20; n += 1) await turn()
    }
    expect(inbound.status).toBe('open')
    expect(stream.writeBufferLength).toBeGreaterThan(0)
  })

  it('asks for no more once its reader has closed', async () => {
    const { near, far } = pair()
    const stream = await near.createStream()
    const inbound = await far
    await inbound.closeRead()
    for (let n = 0; n < 100; n += 1) stream.send(new Uint8Array(65_536))
    let before = Number.POSITIVE_INFINITY
    while (stream.writeBufferLength < before) {
      before = stream.writeBufferLength
      for (let n = 0; n < 20; n += 1) await turn()
    }
    expect(inbound.status).toBe('open')
    expect(stream.writeBufferLength).toBeGreaterThan(4_000_000)
  })

  it('answers small messages without window updates', async () => {
    const { near, far, sent } = pair()
    const stream = await near.createStream()
    const inbound = await far
    const received = bytesOf(inbound, 50)
    await turn()
    await turn()
    sent.far = 0
    for (let n = 0; n < 50; n += 1) {
      stream.send(Uint8Array.of(n))
      await turn()
    }
    await received
    await turn()
    // The first message accepts the stream.
    expect(sent.far).toBeLessThanOrEqual(1)
  })

  it('tells the sender of an upload that it arrives, long before the window is used', async () => {
    const { near, far, sent } = pair()
    const stream = await near.createStream()
    const inbound = await far
    inbound.addEventListener('message', () => {})
    await turn()
    sent.far = 0
    for (let n = 0; n < 10; n += 1) {
      stream.send(new Uint8Array(40_000))
      await turn()
    }
    await turn()
    // One for every 64 KiB, in whole frames of 40,000 bytes; the first message accepts the stream.
    expect(sent.far).toBeGreaterThanOrEqual(4)
    expect(sent.far).toBeLessThanOrEqual(6)
  })

  it('carries more than a window', async () => {
    const { near, far } = pair()
    const stream = await near.createStream()
    const inbound = await far
    let bytes = 0
    const all = new Promise<void>((resolve) => {
      inbound.addEventListener('message', ({ data }) => {
        bytes += data.byteLength
        if (bytes >= 8_000_000) resolve()
      })
    })
    const part = new Uint8Array(100_000)
    for (let n = 0; n < 80; n += 1) {
      if (!stream.send(part)) {
        await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
      }
    }
    await all
    expect(bytes).toBe(8_000_000)
  })

  it('sends what is left when it closes', async () => {
    const { near, far } = pair()
    const stream = await near.createStream()
    const inbound = await far
    const received = bytesOf(inbound, 3)
    stream.send(Uint8Array.of(1, 2, 3))
    await near.close()
    expect(await received).toEqual([1, 2, 3])
  })

  it('ends a stream whose question came whole in one piece after what follows the choice', async () => {
    const { near, far } = pair()
    const stream = await near.createStream()
    stream.send(Uint8Array.of(1, 2, 3))
    void stream.close()
    const inbound = await far
    // As multistream-select does: reads, and gives back what is not the choice.
    const read = await new Promise<Uint8Array>((resolve) => {
      inbound.addEventListener('message', ({ data }) => resolve(data.subarray()), { once: true })
    })
    for (let n = 0; n < 4; n += 1) await turn()
    inbound.unshift(read.subarray(1))
    inbound.protocol = '/chosen/1.0.0'
    const ended = new Promise((resolve) => {
      inbound.addEventListener('end', resolve)
    })
    expect(await bytesOf(inbound, 2)).toEqual([2, 3])
    await ended
  })
})
