import type { Stream } from '@libp2p/interface'
import { streamPair } from '@libp2p/utils'
import fc from 'fast-check'
import * as lengthPrefixed from 'it-length-prefixed'
import { describe, expect, it } from 'vitest'
import { FrameWriter, InferenceError, LIMITS, readFrames } from '../../../protocol/index.ts'

const roomy = { maxFrames: 10_000, maxTotalBytes: 1 << 28 }

async function collect(stream: Stream, init = roomy): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = []
  for await (const frame of readFrames(stream, init)) frames.push(frame.slice())
  return frames
}

/** Awaits a read that has to fail, and returns its error. */
async function failureOf(read: Promise<unknown>): Promise<string> {
  const error = await read.then(
    () => new Error('the read succeeded'),
    (cause: unknown) => cause,
  )
  if (!InferenceError.is(error)) throw error
  return error.code
}

const turn = (): Promise<void> => new Promise((go) => setImmediate(go))

describe('framing', () => {
  it('waits for its own bytes, whatever drains besides', async () => {
    const stream = Object.assign(new EventTarget(), {
      status: 'open',
      writeStatus: 'writable',
      writeBufferLength: 1,
      writableNeedsDrain: false,
      send: () => false,
    })
    let written = false
    const write = new FrameWriter(stream as unknown as Stream)
      .write(Uint8Array.of(1))
      .then(() => (written = true))
    await turn()
    await turn()
    stream.dispatchEvent(new Event('drain'))
    await turn()
    expect(written).toBe(false)
    stream.writeBufferLength = 0
    stream.dispatchEvent(new Event('drain'))
    expect(await write).toBe(true)
  })

  it('delivers every frame once and in order, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
        async (frames, cuts) => {
          const [out, inn] = await streamPair({ delay: 0 })
          const bytes = Buffer.concat(frames.map((f) => lengthPrefixed.encode.single(f).subarray()))
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = cuts[i % cuts.length] ?? 1
            out.send(bytes.subarray(at, at + size))
            at += size
          }
          const read = collect(inn)
          await out.close()
          expect(await read).toEqual(frames.map((frame) => new Uint8Array(frame)))
        },
      ),
      { numRuns: 30 },
    )
  })

  it('delivers what arrived before the first read', async () => {
    const [out, inn] = await streamPair({ delay: 0 })
    const writer = new FrameWriter(out)
    await writer.write(Uint8Array.of(1, 2, 3))
    await writer.close()
    await new Promise((resolve) => inn.addEventListener('remoteCloseWrite', resolve))
    expect(await collect(inn)).toEqual([Uint8Array.of(1, 2, 3)])
  })

  it('sends the frames of one turn as one message', async () => {
    const [out, inn] = await streamPair({ delay: 0 })
    let sends = 0
    const send = out.send.bind(out)
    out.send = (data) => {
      sends += 1
      return send(data)
    }
    const writer = new FrameWriter(out)
    await Promise.all(Array.from({ length: 50 }, (_, i) => writer.write(Uint8Array.of(i))))
    await writer.close()
    expect(sends).toBe(1)
    expect((await collect(inn)).map((frame) => frame[0])).toEqual([...Array(50).keys()])
  })

  it('pauses the sender while the reader is slow', async () => {
    const [out, inn] = await streamPair({ delay: 0, capacity: 4 })
    const frame = new Uint8Array(64 * 1024)
    const writer = new FrameWriter(out)
    let written = 0
    const total = 64
    const writing = (async () => {
      for (; written < total; written++) await writer.write(frame)
      await writer.close()
    })()
    const frames = readFrames(inn, roomy)
    await frames.next()
    let before = -1
    while (before !== written) {
      before = written
      // A message takes a turn of the event loop.
      for (let n = 0; n < 100; n += 1) await turn()
    }
    expect(inn.readStatus).toBe('paused')
    let read = 1
    for await (const _ of frames) read += 1
    await writing
    expect(read).toBe(total)
  })

  it.each([
    ['an announced length beyond the limit', [0xff, 0xff, 0xff, 0x7f], 'malformed'],
    ['a length that never ends', Array(20).fill(0xff), 'malformed'],
    ['an end inside a frame', [10, 1, 2, 3], 'truncated'],
    ['an end inside a length', [0xff], 'truncated'],
  ])('refuses %s', async (_, bytes, code) => {
    const [out, inn] = await streamPair({ delay: 0 })
    const read = failureOf(collect(inn))
    out.send(Uint8Array.from(bytes))
    await out.close()
    expect(await read).toBe(code)
  })

  it('refuses more frames, or more bytes, than agreed', async () => {
    for (const init of [
      { maxFrames: 3, maxTotalBytes: 1 << 20 },
      { maxFrames: 100, maxTotalBytes: 300 },
    ]) {
      const [out, inn] = await streamPair({ delay: 0 })
      const read = failureOf(collect(inn, init))
      const writer = new FrameWriter(out)
      for (let i = 0; i < 4; i++) await writer.write(new Uint8Array(100))
      expect(await read).toBe('malformed')
    }
  })

  it('does not allocate for a frame that is only announced', async () => {
    const [out, inn] = await streamPair({ delay: 0 })
    const read = failureOf(collect(inn))
    const announced = lengthPrefixed.encode.single(new Uint8Array(LIMITS.maxFrameBytes)).subarray()
    out.send(announced.subarray(0, 4))
    out.abort(new Error('gone'))
    expect(await read).toBe('stream_reset')
  })

  it('distinguishes a reset from an end', async () => {
    const [out, inn] = await streamPair({ delay: 0 })
    const read = failureOf(collect(inn))
    await new FrameWriter(out).write(Uint8Array.of(1))
    out.abort(new Error('gone'))
    expect(await read).toBe('stream_reset')
  })

  it('reports the InferenceError that the stream was aborted with', async () => {
    const [, inn] = await streamPair({ delay: 0 })
    const read = failureOf(collect(inn))
    inn.abort(new InferenceError('stalled', 'no token in time'))
    expect(await read).toBe('stalled')
  })

  it('fails a write after the stream closed, and one whose signal fired', async () => {
    const [out] = await streamPair({ delay: 0 })
    const writer = new FrameWriter(out)
    const reason = new Error('not wanted')
    await expect(
      writer.write(Uint8Array.of(1), { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason)
    out.abort(new Error('gone'))
    expect(await failureOf(writer.write(Uint8Array.of(1)))).toBe('stream_reset')
  })

  it('sends what is queued at once on a flush, and reports a stream that has closed', async () => {
    const [out, inn] = await streamPair({ delay: 0 })
    const read = collect(inn)
    const writer = new FrameWriter(out)
    expect(writer.offer(Uint8Array.of(1))).toBe(true)
    const written = writer.write(Uint8Array.of(2))
    writer.flush()
    // Closing does not wait for what a writer has queued.
    await out.close()
    await written
    expect(await read).toEqual([Uint8Array.of(1), Uint8Array.of(2)])
    const [gone] = await streamPair({ delay: 0 })
    const late = new FrameWriter(gone)
    late.offer(Uint8Array.of(1))
    gone.abort(new Error('gone'))
    expect(() => late.flush()).toThrow(expect.objectContaining({ code: 'stream_reset' }))
  })

  it('of any bytes ends in frames or in a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const [out, inn] = await streamPair({ delay: 0 })
        const read = collect(inn).catch((error: unknown) => error)
        if (bytes.length > 0) out.send(bytes)
        await out.close()
        const result = await read
        expect(Array.isArray(result) || InferenceError.is(result)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })
})
