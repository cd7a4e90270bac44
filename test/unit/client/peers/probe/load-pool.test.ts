import { describe, expect, it } from 'vitest'
import { LoadPool } from '../../../../../client/peers/probe/load-pool.ts'
import { READY } from '../../../../../testing/swarms/client-peers.ts'

describe('LoadPool', () => {
  it('forgets a sample after half a second, and keeps the newest', () => {
    const pool = new LoadPool()
    pool.add('p', { ...READY, inFlight: 1 }, 0)
    pool.add('p', { ...READY, inFlight: 2 }, 500)
    expect(pool.fresh('p', 1_000)?.inFlight).toBe(2)
    expect(pool.fresh('p', 1_001)).toBeUndefined()
    expect(pool.fresh('q', 0)).toBeUndefined()
  })

  it('uses a sample for three choices, each of which counts as in flight', () => {
    const pool = new LoadPool()
    pool.use('p')
    pool.add('p', READY, 0)
    const seen = [0, 1, 2, 3].map(() => {
      const load = pool.fresh('p', 0)
      pool.use('p')
      return load?.inFlight
    })
    expect(seen).toEqual([0, 1, 2, undefined])
    pool.add('p', READY, 0)
    expect(pool.fresh('p', 0)).toEqual(READY)
  })

  it('keeps draining and loading for longer: they last more than half a second', () => {
    const pool = new LoadPool()
    pool.add('p', { ...READY, state: 'draining' }, 0)
    for (let i = 0; i < 5; i += 1) pool.use('p')
    expect(pool.fresh('p', 5_000)?.state).toBe('draining')
    expect(pool.fresh('p', 5_001)).toBeUndefined()
  })

  it('is bounded and evicts the oldest', () => {
    const pool = new LoadPool()
    for (let i = 0; i < 2_000; i += 1) pool.add(`p${i}`, READY, 0)
    expect(pool.size).toBe(1_024)
    expect(pool.fresh('p0', 0)).toBeUndefined()
    expect(pool.fresh('p1999', 0)).toBeDefined()
  })
})
