import type { Stream } from '@libp2p/interface'
import * as lengthPrefixed from 'it-length-prefixed'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeNodeFrame, type NodeFrame } from '../../../../protocol/index.ts'
import {
  accepted,
  answers,
  type Behaviour,
  chatDelta,
  chatFrames,
  DONE,
  modelNamed,
  readRequest,
} from '../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../testing/swarms/fake-swarm.ts'
import { delay } from '../../../../timing/index.ts'

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'Count.' }] }
const RESUMES = { models: [{ ...modelNamed('m'), resume: 'prefill' as const }] }

const opened: FakeSwarm[] = []
afterEach(async () => {
  for (const swarm of opened.splice(0)) await swarm.close()
})

async function openSwarm(): Promise<FakeSwarm> {
  const swarm = await FakeSwarm.create()
  opened.push(swarm)
  return swarm
}

/** Sends frames that arrive in one read. */
function together(stream: Stream, frames: readonly NodeFrame[]): void {
  const all = frames.map((frame) => lengthPrefixed.encode.single(encodeNodeFrame(frame)).subarray())
  stream.send(Buffer.concat(all))
}

/** A peer that is left when its stream closes. */
function peer(act: (stream: Stream, pause: (ms: number) => Promise<void>) => Promise<void>) {
  return (swarm: FakeSwarm): Behaviour =>
    async (stream) => {
      const left = new AbortController()
      stream.addEventListener('close', () => left.abort(), { once: true })
      await act(stream, (ms) => delay(ms, { clock: swarm.clock, signal: left.signal }))
    }
}

describe('pieces that arrive together', () => {
  it('do not hide that their peer is too slow', async () => {
    const swarm = await openSwarm()
    const slow = peer(async (stream, pause) => {
      await readRequest(stream)
      together(stream, [accepted, chatDelta(0, { content: 'one' })])
      for (let seq = 1; seq < 17; seq += 2) {
        await pause(8_000)
        together(stream, [chatDelta(seq, { content: ' a' }), chatDelta(seq + 1, { content: ' b' })])
      }
      together(stream, [chatDelta(17, {}, 'stop'), DONE])
    })
    await swarm.add(slow(swarm))
    await swarm.add(answers(' rest'), RESUMES)
    const answer = swarm.requester.streamChat(REQUEST, {
      timeoutMs: 600_000,
      stallFloorMs: 9_000,
    })
    let text = ''
    for await (const { choices } of answer) text += choices[0]?.delta.content ?? ''
    expect(answer.attempts.map(({ reason, outcome }) => [reason, outcome])).toEqual([
      ['first', 'stalled'],
      ['slow', 'answered'],
    ])
    expect(text).toBe('one a b a b rest')
  })

  it('end at an abort, also within what has arrived', async () => {
    const swarm = await openSwarm()
    const words = Array.from({ length: 20 }, (_, at) => ` ${at}`)
    await swarm.add(async (stream) => {
      await readRequest(stream)
      together(stream, chatFrames(words))
    })
    const caller = new AbortController()
    const answer = swarm.requester.streamChat(REQUEST, { signal: caller.signal })
    let chunks = 0
    const reading = (async () => {
      for await (const _ of answer) {
        chunks += 1
        caller.abort(new Error('the caller left'))
      }
    })()
    await expect(reading).rejects.toThrow('the caller left')
    expect([chunks, answer.event?.outcome]).toEqual([1, 'cancelled'])
  })

  it('end an attempt that would continue from before them', async () => {
    const swarm = await openSwarm()
    const repeats = peer(async (stream, pause) => {
      await readRequest(stream)
      together(stream, [accepted])
      let seq = 0
      const goose = (): NodeFrame => chatDelta(seq++, { content: 'goose ' })
      for (let at = 0; at < 95; at += 1) {
        together(stream, [goose()])
        await pause(20)
      }
      await pause(3_000)
      together(stream, Array.from({ length: 8 }, goose))
      await pause(60_000)
    })
    const other = peer(async (stream, pause) => {
      const { head } = await readRequest(stream)
      const told = geeseIn(head.resume?.text ?? '')
      await pause(5_000)
      together(stream, [
        accepted,
        chatDelta(0, { content: `END after ${told}` }),
        chatDelta(1, {}, 'stop'),
        DONE,
      ])
    })
    await swarm.add(repeats(swarm))
    await swarm.add(other(swarm), RESUMES)
    await swarm.add(other(swarm), RESUMES)
    const answer = swarm.requester.streamChat(REQUEST)
    let text = ''
    for await (const { choices } of answer) text += choices[0]?.delta.content ?? ''
    expect(text.endsWith(`goose END after ${geeseIn(text)}`)).toBe(true)
  })
})

function geeseIn(text: string): number {
  return text.split('goose ').length - 1
}
