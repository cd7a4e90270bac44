import { defaultLogger } from '@libp2p/logger'
import { describe, expect, it } from 'vitest'
import { ownStreamPair } from '../../../../host/own/own-stream.ts'
import { FrameWriter, readFrames } from '../../../../protocol/index.ts'

const BOUNDS = { maxFrames: 10_000, maxTotalBytes: 64 * 1_048_576 }
const pair = () => ownStreamPair('/test/1.0.0', defaultLogger())

describe('a stream from a host to itself', () => {
  it('carries frames in order, both ways, and ends', async () => {
    const [asker, handler] = pair()
    const ask = new FrameWriter(asker)
    await ask.write(Uint8Array.of(1))
    await ask.write(Uint8Array.of(2, 2))
    await ask.close()
    const asked = await Array.fromAsync(readFrames(handler, BOUNDS))
    expect(asked.map((frame) => frame.length)).toEqual([1, 2])
    const answer = new FrameWriter(handler)
    await answer.write(Uint8Array.of(3, 3, 3))
    await answer.close()
    const answered = await Array.fromAsync(readFrames(asker, BOUNDS))
    expect(answered.map((frame) => frame.length)).toEqual([3])
    expect([asker.status, handler.status]).toEqual(['closed', 'closed'])
  })

  it('stops the writer while the reader is slow, and loses nothing', async () => {
    const [asker, handler] = pair()
    const writer = new FrameWriter(asker)
    const count = 2_000
    let written = 0
    const writing = (async () => {
      for (; written < count; written += 1) await writer.write(new Uint8Array(4_096))
      await writer.close()
    })()
    const frames = readFrames(handler, BOUNDS)
    await frames.next()
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
    expect(written).toBeLessThan(count / 2)
    let read = 1
    for await (const _ of frames) read += 1
    await writing
    expect(read).toBe(count)
  })

  it('resets the other end', async () => {
    const [asker, handler] = pair()
    const reading = Array.fromAsync(readFrames(handler, BOUNDS))
    asker.abort(new Error('changed my mind'))
    await expect(reading).rejects.toMatchObject({ code: 'stream_reset' })
    expect(handler.status).toBe('reset')
  })
})
