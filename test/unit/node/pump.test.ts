import { describe, expect, it } from 'vitest'
import type { BackendChunk, BackendEvent } from '../../../backend/index.ts'
import { pump } from '../../../node/serve/pump.ts'
import { InferenceError, type NodeFrame } from '../../../protocol/index.ts'
import { VirtualClock } from '../../../testing/index.ts'
import { SignalRace } from '../../../timing/index.ts'

const CHUNK: BackendChunk = {
  type: 'chunk',
  json: { object: 'embedding', index: 0, embedding: [1] },
  tokenIds: [],
  logprobs: [],
}

/** Carries an answer of the engine. @param hasRoom whether the client reads fast enough */
function setting(engine: AsyncIterable<BackendEvent>, hasRoom = true) {
  const controller = new AbortController()
  const { signal } = controller
  const clock = new VirtualClock()
  const sent: NodeFrame['type'][] = []
  const write = Promise.withResolvers<void>()
  const stopped = Promise.withResolvers<void>()
  const chunks: BackendChunk[] = []
  const reply = {
    encode: (frame: NodeFrame) => {
      sent.push(frame.type)
      return new Uint8Array(1)
    },
    offer: () => hasRoom,
    sendBytes: () => write.promise,
  }
  const done = pump({
    ...{ reply, signal, clock, race: new SignalRace(signal), engineStopMs: 1_000 },
    start: () => engine,
    keepAlives: { report: () => {}, pause: () => {}, resume: () => {} },
    onChunk: (chunk) => {
      chunks.push(chunk)
      return undefined
    },
    onStopped: stopped.resolve,
  })
  const gone = new InferenceError('cancelled', 'the client is gone')
  const leave = (): void => controller.abort(gone)
  return { done, gone, leave, sent, chunks, write, stopped: stopped.promise, clock }
}

describe('an answer that is left', () => {
  it('ends at once, and nothing of what the engine sends later goes out', async () => {
    const next = Promise.withResolvers<void>()
    async function* engine(): AsyncGenerator<BackendEvent> {
      yield CHUNK
      await next.promise
      yield CHUNK
      yield CHUNK
    }
    const { done, gone, leave, sent, chunks, stopped } = setting(engine())
    await expect.poll(() => chunks.length).toBe(1)
    leave()
    await expect(done).rejects.toBe(gone)
    next.resolve()
    await stopped
    expect([sent, chunks.length]).toEqual([['chunk'], 1])
  })

  it('counts no chunk whose write was still waiting', async () => {
    let left = false
    async function* engine(): AsyncGenerator<BackendEvent> {
      try {
        yield CHUNK
        yield CHUNK
      } finally {
        left = true
      }
    }
    const { done, gone, leave, sent, chunks, write, stopped } = setting(engine(), false)
    await expect.poll(() => sent.length).toBe(1)
    leave()
    await expect(done).rejects.toBe(gone)
    write.resolve()
    await stopped
    expect([sent, chunks.length, left]).toEqual([['chunk'], 0, true])
  })

  it('gives an engine that hangs some time to stop', async () => {
    let freed = false
    const hung = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => {}),
        return: () => new Promise<never>(() => {}),
      }),
    }
    const { done, gone, leave, stopped, clock } = setting(hung)
    leave()
    await expect(done).rejects.toBe(gone)
    void stopped.then(() => {
      freed = true
    })
    await clock.advance(999)
    expect(freed).toBe(false)
    await clock.advance(1)
    await stopped
  })
})
