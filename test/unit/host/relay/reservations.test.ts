import { describe, expect, it } from 'vitest'
import { Reservations } from '../../../../host/relay/reservations.ts'

const create = (): Reservations =>
  new Reservations({ maxReservations: 4, maxPerNetwork: 2, ttlMs: 1_000 })

describe('reservations at a relay', () => {
  it('are given until the relay is full', () => {
    const reservations = create()
    const given = ['a', 'b', 'c', 'd', 'e'].map((peer) => reservations.reserve(peer, peer, 0))
    expect(given).toEqual([1_000, 1_000, 1_000, 1_000, undefined])
  })

  it('are bounded for each network, so that one cannot take them all', () => {
    const reservations = create()
    expect(reservations.reserve('a', '44.0.0', 0)).toBeDefined()
    expect(reservations.reserve('b', '44.0.0', 0)).toBeDefined()
    expect(reservations.reserve('c', '44.0.0', 0)).toBeUndefined()
    expect(reservations.reserve('d', '44.0.1', 0)).toBeDefined()
  })

  it('are not bounded by network on a LAN', () => {
    const reservations = create()
    const given = ['a', 'b', 'c', 'd'].map((peer) => reservations.reserve(peer, undefined, 0))
    expect(given).not.toContain(undefined)
  })

  it('are renewed for a peer that holds one, even where its network is full', () => {
    const reservations = create()
    reservations.reserve('a', '44.0.0', 0)
    reservations.reserve('b', '44.0.0', 0)
    expect(reservations.reserve('a', '44.0.0', 900)).toBe(1_900)
  })

  it('expire, and make room for others', () => {
    const reservations = create()
    reservations.reserve('a', '44.0.0', 0)
    reservations.reserve('b', '44.0.0', 0)
    expect(reservations.has('a', 1_000)).toBe(false)
    expect(reservations.reserve('c', '44.0.0', 1_000)).toBe(2_000)
    expect(reservations.count(1_000)).toBe(1)
    reservations.release('c')
    expect(reservations.count(1_000)).toBe(0)
  })
})
