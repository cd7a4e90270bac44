import { describe, expect, it } from 'vitest'
import { LoadPool } from '../../../client/probe/index.ts'
import { READY } from '../../fixtures/client-peers.ts'

describe('LoadPool', () => {
  it('forgets a sample after a second, and keeps the newest', () => {
    const pool = new LoadPool()
    pool.add('p', { ...READY, inFlight: 1 }, 0)
    pool.add('p', { ...READY, inFlight: 2 }, 500)
    expect(pool.fresh('p', 1_500)?.inFlight).toBe(2)
    expect(pool.fresh('p', 1_501)).toBeUndefined()
    expect(pool.fresh('q', 0)).toBeUndefined()
  })

  it('believes in draining and loading for longer: they do not pass in a second', () => {
    const pool = new LoadPool()
    pool.add('p', { ...READY, state: 'draining' }, 0)
    expect(pool.fresh('p', 5_000)?.state).toBe('draining')
    expect(pool.fresh('p', 5_001)).toBeUndefined()
  })

  it('is bounded, the oldest leave', () => {
    const pool = new LoadPool()
    for (let i = 0; i < 2_000; i += 1) pool.add(`p${i}`, READY, 0)
    expect(pool.size).toBe(1_024)
    expect(pool.fresh('p0', 0)).toBeUndefined()
    expect(pool.fresh('p1999', 0)).toBeDefined()
  })
})
