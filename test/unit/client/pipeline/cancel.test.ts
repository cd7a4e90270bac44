import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeNodeFrame, FrameWriter } from '../../../../protocol/index.ts'
import {
  accepted,
  answers,
  type Behaviour,
  chatDelta,
  hangsAfter,
  readRequest,
} from '../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../testing/swarms/fake-swarm.ts'
import { delay } from '../../../../timing/index.ts'

const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const hello = chatDelta(0, { content: 'hel' })

let swarm: FakeSwarm

afterEach(async () => {
  await swarm.close()
})

/** Says hello, hangs, and tells how its stream ended. */
function watched(): { behaviour: Behaviour; ended: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>()
  const behaviour: Behaviour = async (stream) => {
    stream.addEventListener('close', () => resolve(stream.status))
    await hangsAfter(accepted, hello)(stream)
  }
  return { behaviour, ended: promise }
}

describe('cancelling', () => {
  it('resets the peer’s stream on a break', async () => {
    swarm = await FakeSwarm.create()
    const { behaviour, ended } = watched()
    await swarm.add(behaviour)
    const answer = swarm.requester.streamChat(request)
    for await (const _ of answer) break
    expect(await ended).toBe('reset')
    expect(answer.attempts).toMatchObject([{ outcome: 'cancelled' }])
    expect(swarm.requester.inFlight).toBe(0)
  })

  it('rejects with the reason of the caller’s signal, and resets the stream', async () => {
    swarm = await FakeSwarm.create()
    const { behaviour, ended } = watched()
    await swarm.add(behaviour)
    const caller = new AbortController()
    const reason = new Error('enough')
    const reading = (async () => {
      for await (const _ of swarm.requester.streamChat(request, { signal: caller.signal })) {
        caller.abort(reason)
      }
    })()
    await expect(reading).rejects.toBe(reason)
    expect(await ended).toBe('reset')
  })

  it('ends a stream that the consumer leaves while its next chunk is pending', async () => {
    swarm = await FakeSwarm.create()
    const { behaviour, ended } = watched()
    await swarm.add(behaviour)
    const iterator = swarm.requester.streamChat(request)[Symbol.asyncIterator]()
    await iterator.next()
    const pending = iterator.next().catch((error: unknown) => error)
    await iterator.return?.()
    expect(await ended).toBe('reset')
    expect(await pending).toMatchObject({ code: 'cancelled' })
  })

  it('does not dial if the signal is already aborted', async () => {
    swarm = await FakeSwarm.create()
    const peer = await swarm.add(answers('a'))
    const reason = new Error('never mind')
    await expect(swarm.requester.chat(request, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
    expect(peer.streams).toHaveLength(0)
  })

  it('cancels running requests when the client closes, and rejects later ones', async () => {
    swarm = await FakeSwarm.create()
    const { behaviour, ended } = watched()
    await swarm.add(behaviour)
    const answer = swarm.requester.chat(request)
    const failed = expect(answer).rejects.toMatchObject({ code: 'cancelled' })
    while (swarm.peers[0]?.streams.length === 0) await new Promise(setImmediate)
    await swarm.requester.close()
    await failed
    expect(await ended).toBe('reset')
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe('a peer that breaks the protocol', () => {
  it('is reset, so that its engine stops working for it', async () => {
    swarm = await FakeSwarm.create()
    const { promise: ended, resolve } = Promise.withResolvers<string>()
    await swarm.add(async (stream) => {
      stream.addEventListener('close', () => resolve(stream.status))
      await hangsAfter(accepted, chatDelta(7, { content: 'x' }))(stream)
    })
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({ code: 'malformed' })
    expect(await ended).toBe('reset')
  })
})

describe('the total deadline', () => {
  it('ends the request whatever the peer does, and lists the attempts', async () => {
    swarm = await FakeSwarm.create({ timeoutMs: 100 })
    const { behaviour, ended } = watched()
    const peer = await swarm.add(behaviour)
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({
      code: 'deadline_exceeded',
      details: { attempts: [{ peerId: peer.key, outcome: 'deadline_exceeded' }] },
    })
    expect(await ended).toBe('reset')
  })

  it('covers all attempts: the second peer gets the remaining time', async () => {
    swarm = await FakeSwarm.create({ timeoutMs: 60_000, silenceTimeoutMs: 200 })
    const heard: number[] = []
    const listen: Behaviour = async (stream) => {
      heard.push((await readRequest(stream)).head.remainingMs)
      if (stream.status === 'open') await once(stream, 'close')
    }
    await swarm.add(listen)
    await swarm.add(listen)
    await swarm.requester.chat(request, { maxAttempts: 2 }).catch(() => {})
    expect(heard).toHaveLength(2)
    expect((heard[0] ?? 0) - (heard[1] ?? 0)).toBeGreaterThanOrEqual(200)
  })

  it('must fit a timer', async () => {
    swarm = await FakeSwarm.create()
    await swarm.add(answers('a'))
    for (const timeoutMs of [0, -1, Number.NaN, 2 ** 31]) {
      await expect(swarm.requester.chat(request, { timeoutMs })).rejects.toMatchObject({
        code: 'invalid_request',
        details: { param: 'timeoutMs' },
      })
    }
  })
})

describe('a slow consumer', () => {
  it('slows the peer down instead of filling memory, and does not count against its deadlines', async () => {
    swarm = await FakeSwarm.create({ itlTimeoutMs: 400 })
    const text = 'x'.repeat(64 * 1024)
    let written = 0
    await swarm.add(async (stream) => {
      await readRequest(stream)
      const writer = new FrameWriter(stream)
      await writer.write(encodeNodeFrame(accepted))
      for (let seq = 0; seq < 400; seq += 1) {
        await writer.write(encodeNodeFrame(chatDelta(seq, { content: text })))
        written += 1
      }
      stream.abort(new Error('the reader should have held us back'))
    })
    const iterator = swarm.requester.streamChat(request)[Symbol.asyncIterator]()
    await iterator.next()
    // Longer than the gap between tokens may be: the clock runs only while the peer is waited for.
    await delay(600, { clock: swarm.clock })
    expect(written).toBeLessThan(400)
    expect((await iterator.next()).done).toBe(false)
    await iterator.return?.()
  })
})
