import { describe, expect, it } from 'vitest'
import type { RequestOptions } from '../../client/index.ts'
import { InferenceError, type NodeFrame } from '../../protocol/index.ts'
import { type Form, type Taken, take } from '../../testing/chaos/answers.ts'
import { counting } from '../../testing/chaos/watch.ts'
import type { Harm, Strike, Struck } from '../../testing/faults/chaos-relay.ts'
import { ChaosWire } from '../../testing/faults/chaos-wire.ts'

const RIGHT = counting(1, 15).answer

type ChunkFrame = Extract<NodeFrame, { type: 'chunk' }>

/** Changes every chunk from the given piece on, and sends the rest as it is. */
function changes(at: number, change: (frame: ChunkFrame) => NodeFrame): Harm {
  const strike = async ({ frame, send }: Struck): Promise<'again'> => {
    await send(frame.type === 'chunk' ? change(frame) : frame)
    return 'again'
  }
  return { at, strike }
}

/** Other numbers than the engine's, in the same places. */
const garbles = (frame: ChunkFrame): NodeFrame => {
  const json = new TextDecoder().decode(frame.json).replace(/(content|text)":" ?\d+/g, '$1":" 77')
  return { ...frame, json: new TextEncoder().encode(json) }
}

/** Right text, but ids that stand for twice as much. */
const doublesIds = (frame: ChunkFrame): NodeFrame => ({
  ...frame,
  tokenIds: frame.tokenIds.flatMap((id) => [id, id]),
  logprobs: frame.logprobs.flatMap((logprob) => [logprob, logprob]),
})

/** Right text, but ids of other numbers: even ones from the vocabulary's numbers on. */
const swapsIds = (frame: ChunkFrame): NodeFrame => ({
  ...frame,
  tokenIds: frame.tokenIds.map((id) => id + 2),
})

/** No vocabulary has these. */
const inventsIds = (frame: ChunkFrame): NodeFrame => ({
  ...frame,
  tokenIds: frame.tokenIds.map(() => 4_000_000_000),
})

const TEXT_FORMS = ['chat stream', 'completion stream', 'chat', 'completion'] as const

async function taken(wire: ChaosWire, form: Form, options: RequestOptions = {}): Promise<Taken> {
  return await take(wire.swarm.requester, form, { model: 'm', options })
}

describe('a peer that garbles its tokens', () => {
  it.each(TEXT_FORMS)('is outvoted by a quorum (%s)', async (form) => {
    await using wire = await ChaosWire.create({ peers: 3, harms: [changes(3, garbles)] })
    const answer = await taken(wire, form, { policy: 'quorum:2-of-3' })
    expect(answer.text).toBe(RIGHT)
    expect(wire.strikes[0]).toBeGreaterThan(0)
  })

  it('fails a quorum that no two others can make, and nothing of it is shown', async () => {
    const harms = [changes(3, garbles), changes(5, garbles)]
    await using wire = await ChaosWire.create({ peers: 3, harms })
    let shown = ''
    const asked = take(wire.swarm.requester, 'chat stream', {
      model: 'm',
      options: { policy: 'quorum:2-of-3' },
      onText: (text) => {
        shown = text
      },
    })
    await expect(asked).rejects.toMatchObject({ code: 'quorum_not_reached' })
    expect(shown).toBe('')
  })

  it.each([
    ['stand for twice as much', doublesIds],
    ['stand for other text', swapsIds],
    ['no vocabulary has', inventsIds],
  ] as const)('cannot spoil what comes after it with ids that %s', async (_, change) => {
    const lies = changes(0, change)
    let pieces = 0
    const strike: Strike = async (struck) => {
      pieces += 1
      if (pieces <= 11) return await lies.strike(struck)
      struck.stream.abort(new Error('scripted reset'))
      return 'over'
    }
    await using wire = await ChaosWire.create({ peers: 3, harms: [{ at: 0, strike }] })
    expect((await taken(wire, 'chat stream')).text).toBe(RIGHT)
    expect(wire.attempts).toBeGreaterThan(1)
  })
})

/** Tokens that end a turn are generated and not shown: so many more than came are believed. */
const UNSEEN_TOKENS = 64

describe('a peer that claims more usage than it had', () => {
  it.each(TEXT_FORMS)('is believed no further than what it sent (%s)', async (form) => {
    const strike = async ({ frame, send }: Struck): Promise<'again'> => {
      if (frame.type !== 'done') await send(frame)
      else await send({ ...frame, usage: { ...frame.usage, completionTokens: 50_000 } })
      return 'again'
    }
    await using wire = await ChaosWire.create({ peers: 2, harms: [{ at: 0, strike }] })
    const { text, completionTokens } = await taken(wire, form)
    expect(text).toBe(RIGHT)
    expect(completionTokens).toBeGreaterThanOrEqual(30)
    expect(completionTokens).toBeLessThanOrEqual(30 + UNSEEN_TOKENS)
  })
})

describe('a peer whose health checks are fine', () => {
  const stuck: Harm = { at: 1, strike: async ({ left }) => left().then(() => 'over' as const) }

  it('and whose generation is stuck is no longer asked after a few requests', async () => {
    await using wire = await ChaosWire.create({ peers: 3, harms: [stuck] })
    const streams = () => wire.swarm.peers.map((peer) => peer.streams.length)
    for (let request = 0; request < 12; request += 1) {
      expect((await taken(wire, 'chat stream')).text).toBe(RIGHT)
    }
    const before = streams()
    for (let request = 0; request < 12; request += 1) {
      expect((await taken(wire, 'chat stream')).text).toBe(RIGHT)
    }
    const asked = streams().map((count, index) => count - (before[index] ?? 0))
    expect(Math.min(...asked)).toBe(0)
    expect(wire.strikes[0]).toBeLessThanOrEqual(6)
  })

  it('that refuse every request cost no caller an answer', async () => {
    const lies = {
      state: 'ready',
      inFlight: 0,
      slots: 64,
      queueDepth: 0,
      expectedTtftMs: 0,
    } as const
    const refuses: Harm = {
      at: 'head',
      strike: async ({ send, stream }) => {
        await send({ type: 'failed', error: new InferenceError('over_capacity', 'no'), load: lies })
        await stream.close()
        return 'over'
      },
    }
    await using wire = await ChaosWire.create({ peers: 3, harms: [refuses] })
    for (const peer of wire.swarm.peers) peer.load = lies
    for (let request = 0; request < 20; request += 1) {
      expect((await taken(wire, 'chat stream')).text).toBe(RIGHT)
    }
  })
})
