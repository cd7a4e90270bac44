import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRouter } from '../../../../../client/peers/route/create-router.ts'
import { LatencyModel } from '../../../../../client/peers/route/latency-model.ts'
import type { RouteRequest, Router } from '../../../../../client/peers/route/router.ts'
import { LEAVING_TIER } from '../../../../../client/peers/route/tier.ts'
import type { RouteCandidate } from '../../../../../client/request/candidate.ts'
import { Random } from '../../../../../testing/index.ts'
import { systemClock } from '../../../../../timing/index.ts'

const REQUEST: RouteRequest = {
  promptTokens: 200,
  answerTokens: 100,
  affinity: undefined,
  apart: [],
}

function peer(key: string, rest: Partial<RouteCandidate['advertisement']> = {}): RouteCandidate {
  return {
    key,
    advertisement: {
      addresses: [multiaddr('/ip4/5.9.7.7/tcp/4001')],
      operator: '',
      decodeRate: 50,
      prefillRate: 800,
      slots: 2,
      ...rest,
    },
    model: { id: 'm', contextLength: 4_096, templateHash: '' },
  }
}

const boast = { decodeRate: 1e9, prefillRate: 1e9, slots: 4_000_000 }
const boasters = Array.from({ length: 300 }, (_, i) => peer(`boaster ${i}`, boast))
const told = boasters.map((one) => ({ ...one, acquaintance: 'heard' as const }))
const honest = peer('honest')

let draws: () => number
let router: Router
const answered: string[] = []

beforeEach(() => {
  vi.useFakeTimers()
  draws = new Random(7).next
  router = createRouter({
    clock: systemClock,
    random: () => draws(),
    salt: new Uint8Array(16),
    onAnswered: (key) => answered.push(key),
  })
})
afterEach(() => {
  router.close()
  vi.useRealTimers()
  answered.length = 0
})

function answers(candidate: RouteCandidate, ttftMs: number): void {
  router.began(candidate, REQUEST, ttftMs)
  const { promptTokens } = REQUEST
  const times = { ttftMs, prefillMs: ttftMs, promptTokens, cachedPromptTokens: 0 }
  router.answered(candidate, REQUEST, { ...times, completionTokens: 100, decodeMs: 20_000 })
}

const chosen = (candidates: readonly RouteCandidate[], request = REQUEST): string[] =>
  Array.from({ length: 200 }, () => router.choose(candidates, request)?.key ?? '')
const share = (keys: readonly string[]): number =>
  keys.filter((key) => key === honest.key).length / keys.length

describe('a claim', () => {
  it('never outranks a slow peer that has answered, however many make it', () => {
    answers(honest, 3_000)
    expect(share(chosen([...boasters, honest]))).toBeGreaterThan(0.9)
  })

  it('gives newcomers their share and no more', () => {
    answers(honest, 3_000)
    draws = () => 0.97
    expect(router.choose([...boasters, honest], REQUEST)?.key).toContain('boaster')
    draws = () => 0.93
    expect(router.choose([...boasters, honest], REQUEST)).toBe(honest)
  })

  it('repeated in one network leaves room for a peer of another, before anything is measured', () => {
    const elsewhere = peer('honest', { addresses: [multiaddr('/ip4/93.184.7.9/tcp/4001')] })
    expect(share(chosen([...boasters, elsewhere]))).toBeGreaterThan(0.15)
    // The control: with all in the same network, the one would be lost among three hundred.
    expect(share(chosen([...boasters, honest]))).toBeLessThan(0.15)
  })

  it('attracts no more parts of larger work than the limit allows', () => {
    answers(honest, 100)
    const [boaster = honest] = boasters
    const spread = { ...REQUEST, spread: true, promptTokens: 0 }
    const parts = Array.from({ length: 40 }, () => router.choose([boaster, honest], spread)?.key)
    expect(parts).toContain(honest.key)
  })

  it('counts at most as the measured median, or before that as an unknown peer', () => {
    const model = new LatencyModel()
    expect(model.of('boaster', boast, 0)).toMatchObject({ prefillRate: 500, decodeRate: 20 })
    for (const [peerId, tokens] of [
      ['a', 30],
      ['b', 60],
      ['c', 900],
    ] as const) {
      model.observeDecode(peerId, { tokens, ms: 1_000 })
      model.observePrefill(peerId, { tokens: 10 * tokens, ms: 1_000 })
    }
    expect(model.of('boaster', boast, 0)).toMatchObject({ prefillRate: 600, decodeRate: 60 })
    expect(model.of('modest', { prefillRate: 90, decodeRate: 9 }, 0).decodeRate).toBe(9)
  })
})

describe('hearsay', () => {
  it('ranks after peers that were met, even at their limit, and before those that failed', () => {
    expect(router.choose([...told, honest], REQUEST)).toBe(honest)
    const entered = Array.from({ length: 8 }, () => router.enter(honest))
    expect(router.choose([...told, honest], REQUEST)).toBe(honest)
    for (const one of entered) one[Symbol.dispose]()
    router.failed(honest, 'stalled')
    expect(router.choose([...told, honest], REQUEST)?.key).toContain('boaster')
  })

  it('ranks after those that failed, too, once three in a row could not be reached', () => {
    router.failed(honest, 'stalled')
    for (const one of told.slice(0, 3)) router.failed(one, 'dial_failed')
    expect(router.choose([...told, honest], REQUEST)).toBe(honest)
    expect(router.tier(told[9] ?? honest, REQUEST)).toBeLessThan(LEAVING_TIER)
  })

  it('gets no further request while dials fail, and does not blame the own network', () => {
    for (const one of told.slice(0, 50)) router.failed(one, 'dial_failed')
    const [first = honest] = told
    expect(router.tier(first, REQUEST)).toBeGreaterThan(router.tier(honest, REQUEST))
    router.failed(honest, 'stalled')
    // There would be no verdict if the own network were suspected.
    expect(router.tier(honest, REQUEST)).toBeGreaterThan(0)
  })

  it('in any number does not make the client forget the peers that answered', () => {
    answers(honest, 3_000)
    for (let round = 0; round < 8; round += 1) {
      for (let i = 0; i < 300; i += 1) router.tier(peer(`${round} ${i}`), REQUEST)
    }
    expect(share(chosen([...boasters, honest]))).toBeGreaterThan(0.9)
  })
})

describe('after a failure', () => {
  it('those that have answered come before newcomers of other networks', () => {
    answers(honest, 3_000)
    const [failed = honest] = boasters
    const strangers = Array.from({ length: 60 }, (_, i) =>
      peer(`boaster of net ${i}`, { ...boast, addresses: [multiaddr(`/ip4/93.184.${i}.9/tcp/1`)] }),
    )
    const retry = { ...REQUEST, apart: [failed], again: true }
    expect(share(chosen([...strangers, honest], retry))).toBe(1)
    expect(share(chosen([...strangers, honest], { ...retry, again: false }))).toBe(0)
  })

  it('an answer of an earlier process counts as one', () => {
    const known = { ...honest, acquaintance: 'answered' as const }
    expect(share(chosen([...boasters, known]))).toBeGreaterThan(0.9)
  })

  it('the caller is notified of the peer that answered', () => {
    answers(honest, 100)
    expect(answered).toEqual([honest.key])
  })
})
