import { describe, expect, it } from 'vitest'
import { Attempts } from '../../../../host/direct-path/attempts.ts'
import { DIRECT_PATH } from '../../../../host/direct-path/limits.ts'

describe('Attempts', () => {
  it('allows one with a peer at a time, and few in all', () => {
    const attempts = new Attempts('m')
    expect(attempts.begin('a', 0)).toBe(true)
    expect(attempts.begin('a', 0)).toBe(false)
    const begun = ['b', 'c', 'd', 'e', 'f'].filter((peer) => attempts.begin(peer, 0))
    expect(1 + begun.length).toBe(DIRECT_PATH.maxAttempts)
    expect(attempts.running).toBe(DIRECT_PATH.maxAttempts)
    attempts.end('own', 'a', 0, 0)
    expect(attempts.begin('z', 0)).toBe(true)
  })

  it('waits longer after each failure, up to a bound, and begins anew once a path is proven', () => {
    const attempts = new Attempts('m')
    const { minMs, maxMs } = DIRECT_PATH.backoff
    let nowMs = 0
    for (const waitMs of [minMs, 2 * minMs, 4 * minMs]) {
      expect(attempts.begin('a', nowMs)).toBe(true)
      attempts.end('own', 'a', nowMs, 1)
      expect(attempts.begin('a', nowMs + waitMs - 1)).toBe(false)
      nowMs += waitMs
    }
    for (let failure = 0; failure < 20; failure += 1) {
      expect(attempts.begin('a', nowMs)).toBe(true)
      attempts.end('own', 'a', nowMs, 1)
      nowMs += maxMs
    }
    expect(attempts.begin('a', nowMs)).toBe(true)
    attempts.end('own', 'a', nowMs, 1)
    attempts.proven('a')
    attempts.lost('a', nowMs, 1)
    expect(attempts.begin('a', nowMs + minMs - 1)).toBe(false)
    expect(attempts.begin('a', nowMs + minMs)).toBe(true)
  })

  it('counts a path that opens and ends unproven as a failure, and waits from its end on', () => {
    const attempts = new Attempts('m')
    const { minMs } = DIRECT_PATH.backoff
    let nowMs = 0
    for (const waitMs of [minMs, 2 * minMs, 4 * minMs]) {
      expect(attempts.begin('a', nowMs)).toBe(true)
      attempts.end('own', 'a', nowMs, 1)
      nowMs += 5 * minMs
      attempts.lost('a', nowMs, 1)
      expect(attempts.begin('a', nowMs + waitMs - 1)).toBe(false)
      nowMs += waitMs
    }
  })

  it('bounds the offers of a peer, and of all peers', () => {
    const attempts = new Attempts('m')
    const taken = (peer: string): boolean => {
      const may = attempts.beginOffered(peer, 0)
      if (may) attempts.end('offered', peer, 0, 0)
      return may
    }
    expect(Array.from({ length: 9 }, () => taken('a')).filter(Boolean)).toHaveLength(
      DIRECT_PATH.perPeer.burst,
    )
    const others = Array.from({ length: 99 }, (_, index) => taken(`p${index}`)).filter(Boolean)
    expect(others).toHaveLength(DIRECT_PATH.total.burst - DIRECT_PATH.perPeer.burst)
  })

  it('keeps attempts of its own apart from those that peers offer', () => {
    const attempts = new Attempts('m')
    for (let peer = 0; peer < 1_000; peer += 1) {
      if (attempts.beginOffered(`p${peer}`, 0)) attempts.end('offered', `p${peer}`, 0, 0)
    }
    expect(attempts.beginOffered('another', 0)).toBe(false)
    expect(attempts.begin('a', 0)).toBe(true)
  })

  it('leaves a place for one of its own, whatever peers offer', () => {
    const attempts = new Attempts('m')
    const begun = ['a', 'b', 'c', 'd', 'e'].filter((peer) => attempts.beginOffered(peer, 0))
    expect(begun).toHaveLength(DIRECT_PATH.maxAttempts - 1)
    expect(attempts.begin('z', 0)).toBe(true)
  })

  it('holds to one of two offers that cross, the same on both sides', () => {
    const [first, second] = [new Attempts('a'), new Attempts('b')]
    expect(first.begin('b', 0)).toBe(true)
    expect(second.begin('a', 0)).toBe(true)
    expect(first.beginOffered('b', 0)).toBe(false)
    expect(second.beginOffered('a', 0)).toBe(true)
    // The answer to its own offer comes first, and declines.
    second.end('own', 'a', 0, 0)
    expect(second.running).toBe(1)
    expect(second.beginOffered('a', 0)).toBe(false)
  })
})
