import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  accepted,
  answers,
  type Behaviour,
  chatDelta,
  chatFrames,
  modelNamed,
  resetsAfter,
  says,
} from '../../../../testing/swarms/client-peers.ts'
import { type FakePeer, FakeSwarm } from '../../../../testing/swarms/fake-swarm.ts'
import { delay } from '../../../../timing/index.ts'

const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const TIMEOUT_MS = 200_000
const hello = chatDelta(0, { role: 'assistant', content: 'hel' })
/** Continues an answer from its text. */
const goesOn = says(...chatFrames(['lo']))

let swarm: FakeSwarm

beforeEach(async () => {
  swarm = await FakeSwarm.create({ timeoutMs: TIMEOUT_MS, connectedPeers: 1 })
})
afterEach(async () => {
  await swarm.close()
})

/** A peer whose process ends in its first answer, and is back after some time with another behaviour. */
async function dies(
  breaks: Behaviour,
  back?: { readonly afterMs: number; readonly as: Behaviour },
): Promise<FakePeer> {
  const peer = await swarm.add(
    async (stream) => {
      swarm.remove(peer)
      if (back !== undefined) {
        swarm.clock.after(back.afterMs, () => swarm.restore(peer, back.as))
      }
      await breaks(stream)
    },
    { models: [modelNamed('m', { resume: 'prefill' })] },
  )
  return peer
}

async function textOf(body: object = request): Promise<string> {
  let text = ''
  for await (const { choices } of swarm.requester.streamChat(body)) {
    text += choices[0]?.delta.content ?? ''
  }
  return text
}

describe('the only peer, whose process ends', () => {
  it('in mid-answer goes on with it once it is back', async () => {
    const peer = await dies(resetsAfter(accepted, hello), { afterMs: 60_000, as: goesOn })
    expect(await textOf()).toBe('hello')
    expect(swarm.clock.now()).toBeGreaterThanOrEqual(60_000)
    expect(swarm.clock.now()).toBeLessThan(66_000)
    expect(peer.streams).toHaveLength(2)
  })

  it('before its first token is asked again once it is back', async () => {
    await dies(resetsAfter(accepted), { afterMs: 30_000, as: answers('hello') })
    expect(await textOf()).toBe('hello')
    expect(swarm.clock.now()).toBeLessThan(36_000)
  })

  it.each([
    ['in mid-answer', resetsAfter(accepted, hello)],
    ['in mid-answer, without a reset', says(accepted, hello)],
    ['before its first token', resetsAfter(accepted)],
  ])('%s ends the request, before its deadline, if it is never back', async (_, breaks) => {
    await dies(breaks)
    await expect(textOf()).rejects.toMatchObject({ code: 'dial_failed' })
    expect(swarm.clock.now()).toBeGreaterThan(80_000)
    expect(swarm.clock.now()).toBeLessThan(100_000)
  })

  it('is not waited for where another peer can go on', async () => {
    await dies(resetsAfter(accepted, hello))
    await swarm.add(goesOn, { models: [modelNamed('m', { resume: 'prefill' })] })
    expect(await textOf()).toBe('hello')
    expect(swarm.clock.now()).toBeLessThan(1_000)
  })

  it('is waited for 15 seconds where another model is next', async () => {
    await dies(resetsAfter(accepted))
    await swarm.add(answers('other'), { models: [modelNamed('n')] })
    const chained = { ...request, models: ['m', 'n'] }
    expect(await textOf(chained)).toBe('other')
    expect(swarm.clock.now()).toBeLessThan(20_000)
  })
})

describe('the only peer, which was lost before the request', () => {
  it.each([
    ['a moment ago is waited for', 0],
    ['a while ago is waited for until the same time', 40_000],
  ])('%s', async (_, agoMs) => {
    const peer = await swarm.add(answers('hello'))
    swarm.remove(peer)
    swarm.disconnect(peer)
    await delay(agoMs, { clock: swarm.clock })
    swarm.clock.after(60_000 - agoMs, () => swarm.restore(peer, answers('hello')))
    expect(await textOf()).toBe('hello')
    expect(swarm.clock.now()).toBeLessThan(66_000)
  })
})

describe('a peer that was never connected', () => {
  it('is not waited for', async () => {
    swarm.remove(await swarm.add(answers('hello')))
    await expect(textOf()).rejects.toMatchObject({ code: 'dial_failed' })
    expect(swarm.clock.now()).toBeLessThan(2_000)
  })

  it('is dialled once more if it is the only one, and dialling it took too long', async () => {
    const peer = await swarm.add(answers('hello'))
    swarm.hinder(peer)
    swarm.clock.after(4_000, () => swarm.restore(peer, answers('hello')))
    expect(await textOf()).toBe('hello')
    expect(swarm.clock.now()).toBeLessThan(8_000)
  })

  it('is dialled twice at most', async () => {
    swarm.hinder(await swarm.add(answers('hello')))
    await expect(textOf()).rejects.toMatchObject({ code: 'dial_failed' })
    expect(swarm.clock.now()).toBeLessThan(12_000)
  })

  it('is dialled once where others were dialled as well', async () => {
    for (let index = 0; index < 3; index += 1) swarm.hinder(await swarm.add(answers('hello')))
    await expect(textOf()).rejects.toMatchObject({ code: 'dial_failed' })
    expect(swarm.clock.now()).toBeLessThan(17_000)
  })
})
