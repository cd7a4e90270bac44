import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRouter } from '../../../../../client/peers/route/create-router.ts'
import type { AnswerTimes, RouteRequest, Router } from '../../../../../client/peers/route/router.ts'
import { LEAVING_TIER } from '../../../../../client/peers/route/tier.ts'
import type { RouteCandidate } from '../../../../../client/request/candidate.ts'
import { READY } from '../../../../../testing/swarms/client-peers.ts'
import { systemClock } from '../../../../../timing/index.ts'

const TIMES: AnswerTimes = {
  ttftMs: 100,
  prefillMs: 50,
  promptTokens: 100,
  cachedPromptTokens: 0,
  completionTokens: 100,
  decodeMs: 1_000,
}

const peer = (key: string, prefillRate = 1_000, operator = ''): RouteCandidate => ({
  key,
  advertisement: { addresses: [], operator, decodeRate: 100, prefillRate, slots: 4 },
  model: { id: 'm', contextLength: 4_096, templateHash: '' },
})
const request = (rest: Partial<RouteRequest> = {}): RouteRequest => ({
  promptTokens: 100,
  answerTokens: 0,
  affinity: undefined,
  apart: [],
  ...rest,
})

const fast = peer('fast', 1_000)
const middle = peer('middle', 500)
const slow = peer('slow', 100)
const swarm = [slow, fast, middle]

let draw: () => number
let paths: Record<string, 'direct' | 'relayed'>
let router: Router

beforeEach(() => {
  paths = {}
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
  draw = () => 0
  router = createRouter({
    clock: systemClock,
    random: () => draw(),
    salt: new Uint8Array(16).fill(7),
    pathTo: (peer) => paths[peer],
  })
})

afterEach(() => {
  router.close()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** The peer gave a first piece after this time, and a whole answer. */
function answers(candidate: RouteCandidate, given = request(), ttftMs = 100): void {
  router.began(candidate, given, ttftMs)
  router.answered(candidate, given, { ...TIMES, ttftMs })
}

describe('without affinity', () => {
  it('takes the cheapest when the draw is the lowest, and undefined without candidates', () => {
    expect(router.choose(swarm, request())).toBe(fast)
    expect(router.choose([], request())).toBeUndefined()
  })

  it('avoids a peer at once because of its own requests there', () => {
    using _first = router.enter(fast)
    using _second = router.enter(fast)
    expect(router.choose(swarm, request())).toBe(middle)
    expect(router.inFlight).toBe(2)
  })

  it('uses the load in terminal frames for three choices', () => {
    const busy = { ...READY, inFlight: 4, queueDepth: 8, expectedTtftMs: 5_000 }
    router.observeLoad('fast', busy)
    expect(router.choose(swarm, request())).toBe(middle)
    vi.advanceTimersByTime(501)
    expect(router.choose(swarm, request())).toBe(fast)
    router.observeLoad('middle', READY)
    for (let i = 0; i < 3; i += 1) {
      router.observeLoad('fast', busy)
      expect(router.choose(swarm, request())).toBe(middle)
    }
    expect(router.pool.fresh('middle', performance.now())).toBeUndefined()
  })
})

describe('newcomers', () => {
  it('get one choice in twenty if others have answered before', () => {
    draw = () => 0.96
    expect(router.choose([fast, slow], request())).toBe(fast)
    answers(fast)
    expect(router.choose([fast, slow], request())).toBe(slow)
    draw = () => 0.94
    expect(router.choose([fast, slow], request())).toBe(fast)
  })

  it('are no longer newcomers once they were too slow', () => {
    draw = () => 0.96
    answers(fast)
    router.outpaced(slow, request(), 5_000)
    expect(router.choose([fast, slow], request())).toBe(fast)
  })
})

describe('affinity', () => {
  const peers = Array.from({ length: 8 }, (_, i) => peer(`p${i}`))
  const conversation = (i: number): RouteRequest => request({ affinity: `chat ${i}` })

  it('keeps each conversation at its home, and spreads conversations', () => {
    const homes = Array.from({ length: 40 }, (_, i) => router.choose(peers, conversation(i))?.key)
    const again = Array.from({ length: 40 }, (_, i) => router.choose(peers, conversation(i))?.key)
    expect(again).toEqual(homes)
    expect(new Set(homes).size).toBeGreaterThan(4)
  })

  it('keeps to the peer that answered the last turn, although the hash names another', () => {
    const owner = router.choose(peers, conversation(1))
    const others = peers.filter((other) => other !== owner)
    const stand = router.choose(others, conversation(1))
    expect(stand).toBeDefined()
    if (stand === undefined) return
    answers(stand, conversation(1))
    expect(router.choose(peers, conversation(1))).toBe(stand)
  })

  it('leaves a home that fails, and one that drains', () => {
    const owner = router.choose(peers, conversation(1))
    if (owner === undefined) return
    router.failed(owner, 'engine_failed')
    expect(router.choose(peers, conversation(1))).not.toBe(owner)
    const next = router.choose(peers, conversation(1))
    router.observeLoad(next?.key ?? '', { ...READY, state: 'draining' })
    expect([owner, next]).not.toContain(router.choose(peers, conversation(1)))
  })

  it('is ignored if the prompt may fit no peer: the cheapest is asked', () => {
    const chosen = Array.from({ length: 20 }, (_, i) =>
      router.choose(swarm, request({ affinity: `chat ${i}`, promptTokens: 5_000 })),
    )
    expect(new Set(chosen)).toEqual(new Set([fast]))
  })

  it('expects a first piece sooner if the prefix is cached', () => {
    const long = request({ affinity: 'chat', promptTokens: 3_000 })
    const cold = router.hedgeAfterMs(slow, long)
    router.answered(slow, long, { ...TIMES, promptTokens: 0 })
    expect(router.hedgeAfterMs(slow, long)).toBeLessThan(cold / 10)
  })
})

describe('apart', () => {
  const ann = peer('ann-1', 1_000, 'ann')
  const alsoAnn = peer('ann-2', 1_000, 'ann')
  const bob = peer('bob', 100, 'bob')

  it('puts other operators before cheaper peers of the same', () => {
    expect(router.choose([alsoAnn, bob], request({ apart: [ann] }))).toBe(bob)
    expect(router.choose([alsoAnn], request({ apart: [ann] }))).toBe(alsoAnn)
  })

  it('puts a suspect other peer before the same one once more', () => {
    router.failed(bob, 'stalled')
    expect(router.choose([ann, bob], request({ apart: [ann] }))).toBe(bob)
  })
})

describe('health', () => {
  it('ranks those that failed last, and uses one anyway when all did', () => {
    router.failed(fast, 'malformed')
    expect(router.tier(fast, request())).toBeGreaterThan(router.tier(slow, request()))
    expect(router.choose(swarm, request())).toBe(middle)
    for (const candidate of swarm) {
      for (let i = 0; i < 10; i += 1) router.failed(candidate, 'malformed')
      expect(router.tier(candidate, request())).toBeLessThan(LEAVING_TIER)
    }
    expect(swarm).toContain(router.choose(swarm, request()))
  })

  it('blames no peer for a while after the machine slept', () => {
    vi.advanceTimersByTime(3_000)
    vi.setSystemTime(Date.now() + 60_000)
    router.failed(fast, 'stream_reset')
    router.connected('fast', false)
    expect(router.tier(fast, request())).toBe(0)
    vi.advanceTimersByTime(60_000)
    router.failed(fast, 'stream_reset')
    expect(router.tier(fast, request())).toBeGreaterThan(0)
  })

  it('asks others first for a moment when a connection is lost', () => {
    router.choose(swarm, request())
    router.connected('fast', false)
    expect(router.choose(swarm, request())).toBe(middle)
    router.connected('fast', true)
    vi.advanceTimersByTime(5_000)
    expect(router.tier(fast, request())).toBe(0)
  })

  it('gives a peer that joins others its full share only slowly', () => {
    router.choose([middle, slow], request())
    vi.advanceTimersByTime(30_000)
    expect(router.choose(swarm, request())).toBe(middle)
    vi.advanceTimersByTime(30_000)
    expect(router.choose(swarm, request())).toBe(fast)
  })
})

describe('latency', () => {
  it('learns rates from answers, and an unconfirmed claim gains nothing', () => {
    const liar = peer('liar', 1e9)
    expect(router.choose([fast, liar], request({ promptTokens: 4_000 }))).toBe(fast)
    expect(router.choose([slow, liar], request({ promptTokens: 4_000 }))).toBe(liar)
    answers(liar)
    router.answered(liar, request(), { ...TIMES, ttftMs: 4_000, prefillMs: 4_000 })
    answers(fast)
    expect(router.choose([fast, liar], request({ promptTokens: 4_000 }))).toBe(fast)
  })

  it('caps a reported prefill time at the wait', () => {
    const modest = request({ promptTokens: 0 })
    router.answered(fast, modest, { ...TIMES, ttftMs: 50, prefillMs: 1e9 })
    // 100 tokens in 50 ms: 2,000 a second, so that 4,000 take two seconds and a little.
    expect(router.hedgeAfterMs(fast, request({ promptTokens: 4_000 }))).toBeCloseTo(4 * 2_070)
  })

  it('learns from a peer that always loses that it is slow', () => {
    answers(fast)
    answers(middle)
    expect(router.choose([fast, middle], request())).toBe(fast)
    for (let i = 0; i < 5; i += 1) router.outpaced(fast, request(), 2_000)
    expect(router.choose([fast, middle], request())).toBe(middle)
  })

  it('learns nothing from being called off in good time', () => {
    const before = router.hedgeAfterMs(fast, request())
    router.outpaced(fast, request(), 1)
    expect(router.hedgeAfterMs(fast, request())).toBe(before)
  })

  it('hedges soon after the usual time once it has seen twenty answers', () => {
    const short = request({ promptTokens: 10 })
    expect(router.hedgeAfterMs(fast, short)).toBeGreaterThanOrEqual(250)
    for (let i = 0; i < 40; i += 1) answers(fast, short, 60)
    const usual = router.hedgeAfterMs(fast, short)
    expect(usual).toBeGreaterThanOrEqual(50)
    expect(usual).toBeLessThan(120)
    expect(router.hedgeAfterMs(fast, request({ promptTokens: 3_000 }))).toBeGreaterThan(usual)
  })

  it('bounds the wait for a slow peer by what others would take', () => {
    for (let i = 0; i < 30; i += 1) answers(slow, request(), 20_000)
    for (let i = 0; i < 30; i += 1) answers(fast, request(), 100)
    const alone = router.hedgeAfterMs(slow, request())
    expect(alone).toBeGreaterThan(10_000)
    expect(router.hedgeAfterMs(slow, request(), swarm)).toBeLessThan(4_000)
  })
})

describe('concurrency', () => {
  it('goes elsewhere at the limit, and stays where all are at theirs', () => {
    const held = [fast, slow].flatMap((candidate) =>
      Array.from({ length: candidate === fast ? 8 : 7 }, () => router.enter(candidate)),
    )
    expect(router.tier(fast, request())).toBe(1)
    expect(router.choose([fast, slow], request())).toBe(slow)
    held.push(router.enter(slow))
    expect([fast, slow]).toContain(router.choose([fast, slow], request()))
    for (const one of held) one[Symbol.dispose]()
    expect(router.inFlight).toBe(0)
  })

  it('gives a peer less while its answers begin later and later', () => {
    for (let i = 0; i < 10; i += 1) router.began(fast, request(), 100)
    using _one = router.enter(fast)
    for (let i = 0; i < 15; i += 1) router.began(fast, request(), 5_000)
    const held = Array.from({ length: 5 }, () => router.enter(fast))
    expect(router.tier(fast, request())).toBe(1)
    for (const one of held) one[Symbol.dispose]()
  })
})

describe('saturated', () => {
  it('depends on fresh samples only', () => {
    for (const { key } of swarm) router.observeLoad(key, { ...READY, inFlight: 4 })
    expect(router.saturated(swarm)).toBe(true)
    vi.advanceTimersByTime(501)
    expect(router.saturated(swarm)).toBe(false)
  })
})

describe('peers that are reached through a relay', () => {
  const at = (key: string, ...addresses: string[]): RouteCandidate => {
    const base = peer(key)
    const advertisement = { ...base.advertisement, addresses: addresses.map(multiaddr) }
    return { ...base, advertisement }
  }
  const ID = '12D3KooWGC2T2kWGjCLFkdQZQZkPuaXgQZSuyDjgoGqXtHmZT9mE'
  const circuit = `/ip4/45.1.0.1/tcp/4801/p2p/${ID}/p2p-circuit`
  const relayed = at('relayed', '/ip4/192.168.1.2/tcp/4801', circuit)
  const direct = at('direct', '/ip4/46.1.0.1/tcp/4801', circuit)

  it('rank after equally good peers that are reached directly', () => {
    for (const candidate of [relayed, direct]) answers(candidate)
    for (const random of [0, 0.3, 0.6, 0.9]) {
      draw = () => random
      expect(router.choose([relayed, direct], request())?.key).toBe('direct')
    }
  })

  it('rank by the connection, where there is one: a direct path to a peer behind a NAT, a relay to one that has an address', () => {
    for (const candidate of [relayed, direct]) answers(candidate)
    paths = { relayed: 'direct', direct: 'relayed' }
    for (const random of [0, 0.3, 0.6, 0.9]) {
      draw = () => random
      expect(router.choose([relayed, direct], request())?.key).toBe('relayed')
    }
  })

  it('are not blamed if the relay cannot be dialled', () => {
    for (const candidate of [relayed, direct]) answers(candidate)
    vi.advanceTimersByTime(60_000)
    for (const candidate of [relayed, direct, relayed, direct]) {
      router.failed(candidate, 'dial_failed')
    }
    // Both are avoided for a moment; only the one with an address of its own stays worse.
    vi.advanceTimersByTime(10_000)
    expect(router.choose([relayed, direct], request())?.key).toBe('relayed')
  })
})
