import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseHome } from '../../../../../client/peers/route/affinity.ts'
import { PrefixMemory } from '../../../../../client/peers/route/prefix-memory.ts'
import { loadBound, rendezvousOrder } from '../../../../../client/peers/route/rendezvous.ts'

interface Peer {
  readonly key: string
  readonly cost: number
}

const SALT = 12_345
const peersOf = (count: number, cost = 1): Peer[] =>
  Array.from({ length: count }, (_, index) => ({ key: `peer-${index}`, cost }))
const keysOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `chat-${i}`)

interface Given {
  readonly counts?: ReadonlyMap<string, number>
  readonly memory?: PrefixMemory
  readonly promptTokens?: number
  readonly nowMs?: number
}

function home(affinity: string, candidates: readonly Peer[], given: Given = {}): string {
  const chosen = chooseHome({
    affinity,
    promptTokens: given.promptTokens ?? 100,
    candidates,
    idleCost: ({ cost }) => cost,
    inFlight: ({ key }) => given.counts?.get(key) ?? 0,
    memory: given.memory ?? new PrefixMemory(SALT),
    salt: SALT,
    nowMs: given.nowMs ?? 0,
  })
  return chosen?.key ?? 'none'
}

describe('rendezvousOrder', () => {
  it('gives each of ten peers its share of ten thousand keys, within a sixth', () => {
    const counts = new Map<string, number>()
    for (const key of keysOf(10_000)) {
      const owner = rendezvousOrder(key, peersOf(10), SALT)[0]?.key ?? ''
      counts.set(owner, (counts.get(owner) ?? 0) + 1)
    }
    for (const { key } of peersOf(10)) {
      expect(counts.get(key)).toBeGreaterThan(833)
      expect(counts.get(key)).toBeLessThan(1_167)
    }
  })

  it('distinguishes texts in every script', () => {
    // Each differs from the next in the upper half of one UTF-16 unit.
    const owners = Array.from({ length: 40 }, (_, page) => {
      const key = String.fromCharCode(0x30 + page * 256)
      return rendezvousOrder(key, peersOf(10), SALT)[0]?.key
    })
    expect(new Set(owners).size).toBeGreaterThan(5)
  })

  it('differs from client to client', () => {
    const orders = [1, 2, 3, 4, 5].map((salt) =>
      rendezvousOrder('k', peersOf(10), salt)
        .map(({ key }) => key)
        .join(),
    )
    expect(new Set(orders).size).toBe(5)
  })
})

describe('chooseHome', () => {
  it('gives no peer more than ⌈1.25 × its fair share⌉, whatever requests start and end', () => {
    const steps = fc.array(
      fc.record({ key: fc.integer({ min: 0, max: 6 }), leaves: fc.boolean() }),
      { maxLength: 120 },
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), steps, (count, given) => {
        const peers = peersOf(count)
        const counts = new Map<string, number>()
        const placed: string[] = []
        const memory = new PrefixMemory(SALT)
        for (const { key, leaves } of given) {
          if (leaves) {
            const gone = placed.shift()
            if (gone !== undefined) counts.set(gone, (counts.get(gone) ?? 0) - 1)
            continue
          }
          const total = placed.length
          const chosen = home(`chat-${key}`, peers, { counts, memory })
          placed.push(chosen)
          counts.set(chosen, (counts.get(chosen) ?? 0) + 1)
          memory.remember(`chat-${key}`, chosen, 100, 0)
          expect(counts.get(chosen)).toBeLessThanOrEqual(loadBound(total, count))
          expect(loadBound(total, count)).toBe(Math.ceil((1.25 * placed.length) / count))
        }
      }),
    )
  })

  it('moves only the conversations of a peer that leaves, and of one that joins', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(), (count, which) => {
        const peers = peersOf(count)
        const gone = peers[which % count]?.key
        const left = peers.filter(({ key }) => key !== gone)
        for (const key of keysOf(50)) {
          const before = home(key, peers)
          const after = home(key, left)
          if (before !== gone) expect(after).toBe(before)
        }
      }),
    )
  })

  it('stays where the prefix is warm, although a peer joins that the hash prefers', () => {
    const peers = peersOf(10)
    const memory = new PrefixMemory(SALT)
    const [owner] = rendezvousOrder('k', peers, SALT)
    const without = peers.filter((peer) => peer !== owner)
    const served = home('k', without)
    memory.remember('k', served, 80, 0)
    expect(home('k', peers, { memory })).toBe(served)
    // Less than half of the prompt, or too long ago, counts as cold.
    expect(home('k', peers, { memory, promptTokens: 161 })).toBe(owner?.key)
    expect(home('k', peers, { memory, nowMs: 600_001 })).toBe(owner?.key)
  })

  it('moves to the next in order while the owner is full, and returns', () => {
    const peers = peersOf(4)
    const [first, second] = rendezvousOrder('k', peers, SALT)
    const counts = new Map([[first?.key ?? '', 1]])
    expect(home('k', peers, { counts })).toBe(second?.key)
    expect(home('k', peers)).toBe(first?.key)
  })

  it('never makes a peer that costs five times the cheapest an owner', () => {
    const peers = [...peersOf(3), { key: 'laptop', cost: 5 }]
    for (const key of keysOf(200)) expect(home(key, peers)).not.toBe('laptop')
    const slow = [{ key: 'laptop', cost: 5 }]
    expect(home('k', slow)).toBe('laptop')
  })

  it('chooses no home for a prompt too short to gain, or without candidates', () => {
    expect(home('k', peersOf(3), { promptTokens: 31 })).toBe('none')
    expect(home('k', [])).toBe('none')
  })
})

describe('PrefixMemory', () => {
  it('forgets after ten minutes, and is bounded', () => {
    const memory = new PrefixMemory(SALT)
    memory.remember('k', 'p', 70, 0)
    expect(memory.warmTokens('k', 'p', 600_000)).toBe(70)
    expect(memory.warmTokens('k', 'p', 600_001)).toBe(0)
    expect(memory.warmTokens('k', 'q', 0)).toBe(0)
    for (let i = 0; i < 5_000; i += 1) memory.remember(`k${i}`, 'p', 1, 0)
    expect(memory.size).toBe(4_096)
    expect(memory.warmTokens('k', 'p', 0)).toBe(0)
  })
})
