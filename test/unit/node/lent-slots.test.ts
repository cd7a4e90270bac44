import { describe, expect, it } from 'vitest'
import { Gate } from '../../../node/admission/index.ts'
import { VirtualClock } from '../../../testing/index.ts'

interface Arrival {
  readonly contributes?: boolean
  readonly lifeMs?: number
}

/** A gate whose requests run until they are revoked. */
function setting({ slots = 4 } = {}) {
  const clock = new VirtualClock()
  const gate = new Gate({ slots, maxQueue: 8, now: clock.now, after: clock.after })
  const log: string[] = []
  const enter = (name: string, peer: string, network: string, more: Arrival = {}) => {
    const { contributes = false, lifeMs = 1e9 } = more
    const ticket = gate.enter({
      ...{ peer, network, contributes },
      deadlineAtMs: clock.now() + lifeMs,
      signal: new AbortController().signal,
      onRevoke: ({ code }) => {
        log.push(`${name} revoked: ${code}`)
        ticket.release()
      },
    })
    ticket.granted.then(
      () => log.push(name),
      () => {},
    )
    return ticket
  }
  return { clock, enter, log }
}

describe('a peer with several slots', () => {
  it('keeps them as long as the slot that it returned would stay reserved', async () => {
    const { clock, enter, log } = setting()
    for (const name of ['a1', 'a2', 'a3', 'a4']) enter(name, 'a', 'n')
    await clock.advance(0)
    enter('k1', 'contributor', 'k', { contributes: true })
    await clock.advance(0)
    enter('b1', 'b', 'm')
    await clock.advance(59_000)
    expect(log.slice(4)).toEqual(['a4 revoked: over_capacity', 'k1'])
    await clock.advance(2_000)
    expect(log.slice(6)).toEqual(['a3 revoked: over_capacity', 'b1'])
  })

  it('returns one beside a slot that is reserved for contributors', async () => {
    const { clock, enter, log } = setting()
    for (const name of ['a1', 'a2', 'a3', 'a4']) enter(name, 'a', 'n')
    await clock.advance(0)
    const contributor = enter('k1', 'contributor', 'k', { contributes: true })
    await clock.advance(0)
    contributor.release()
    enter('b1', 'b', 'm')
    await clock.advance(0)
    expect(log.slice(6)).toEqual(['a3 revoked: over_capacity', 'b1'])
  })

  it('returns one to its own network beside a slot that is reserved for another', async () => {
    const { clock, enter, log } = setting()
    const visitor = enter('m1', 'm', 'm')
    await clock.advance(0)
    visitor.release()
    for (const name of ['a1', 'a2', 'a3']) enter(name, 'a', 'n')
    await clock.advance(0)
    enter('b1', 'b', 'n')
    await clock.advance(0)
    enter('c1', 'c', 'n')
    await clock.advance(0)
    const [first, second] = ['a3', 'a2'].map((name) => `${name} revoked: over_capacity`)
    expect(log.slice(4)).toEqual([first, 'b1', second, 'c1'])
  })

  it('returns the youngest at once to a peer that has none', async () => {
    const { clock, enter, log } = setting()
    for (const name of ['a1', 'a2', 'a3']) {
      enter(name, 'a', 'n')
      await clock.advance(10)
    }
    enter('b1', 'b', 'n')
    await clock.advance(10)
    expect(enter('c1', 'c', 'n').expectedTtftMs).toBe(0)
    await clock.advance(0)
    expect(log).toEqual(['a1', 'a2', 'a3', 'b1', 'a3 revoked: over_capacity', 'c1'])
  })

  it('returns others to further peers, down to one, also after its first return', async () => {
    const { clock, enter, log } = setting()
    for (const name of ['a1', 'a2', 'a3', 'a4']) enter(name, 'a', 'n')
    await clock.advance(0)
    for (const peer of ['b', 'c', 'd', 'e']) {
      enter(peer, peer, 'n')
      await clock.advance(0)
    }
    const returned = ['a4', 'a3', 'a2'].map((name) => `${name} revoked: over_capacity`)
    expect(log.slice(4)).toEqual([returned[0], 'b', returned[1], 'c', returned[2], 'd'])
    await clock.advance(120_000)
    expect(log).toHaveLength(10)
  })

  it('returns one to the same peer again only after a wait, and after a minute at once', async () => {
    const { clock, enter, log } = setting()
    for (const name of ['a1', 'a2', 'a3', 'a4']) enter(name, 'a', 'n')
    await clock.advance(0)
    const first = enter('b1', 'b', 'n')
    await clock.advance(0)
    expect(log.slice(4)).toEqual(['a4 revoked: over_capacity', 'b1'])
    first.release()
    enter('c1', 'c', 'n')
    const second = enter('b2', 'b', 'n')
    await clock.advance(4_999)
    expect(log.slice(6)).toEqual(['c1'])
    await clock.advance(1)
    expect(log.slice(7)).toEqual(['a3 revoked: over_capacity', 'b2'])
    second.release()
    enter('d1', 'd', 'n')
    await clock.advance(60_000)
    enter('b3', 'b', 'n')
    await clock.advance(0)
    expect(log.slice(9)).toEqual(['d1', 'a2 revoked: over_capacity', 'b3'])
  })

  it('admits a peer that is owed a slot whatever the time left, and however long others run and wait', async () => {
    const { clock, enter, log } = setting({ slots: 2 })
    for (const name of ['a1', 'a2', 'a3', 'a4']) enter(name, 'a', 'n')
    await clock.advance(100_000)
    enter('c1', 'c', 'n', { lifeMs: 1_000 })
    await clock.advance(0)
    expect(log).toEqual(['a1', 'a2', 'a2 revoked: over_capacity', 'c1'])
  })

  it('keeps them while only its own requests wait', async () => {
    const { clock, enter, log } = setting({ slots: 2 })
    for (const name of ['a1', 'a2', 'a3', 'a4']) enter(name, 'a', 'n')
    await clock.advance(600_000)
    expect(log).toEqual(['a1', 'a2'])
  })

  it('keeps them while those who wait have as many in their network', async () => {
    const { clock, enter, log } = setting({ slots: 5 })
    for (const peer of ['x', 'y', 'z']) enter(peer, peer, 'n')
    enter('a1', 'a', 'm')
    enter('a2', 'a', 'm')
    await clock.advance(6_000)
    enter('w', 'w', 'n')
    await clock.advance(60_000)
    expect(log).toEqual(['x', 'y', 'z', 'a1', 'a2'])
  })

  it('keeps them as a contributor while strangers wait', async () => {
    const { clock, enter, log } = setting({ slots: 2 })
    enter('a1', 'a', 'n', { contributes: true })
    enter('a2', 'a', 'n', { contributes: true })
    enter('c1', 'c', 'm')
    await clock.advance(60_000)
    expect(log).toEqual(['a1', 'a2'])
  })
})

it('identities of one network with a slot each give one to another network', async () => {
  const { clock, enter, log } = setting({ slots: 3 })
  for (const peer of ['a', 'b', 'c']) enter(peer, peer, 'n')
  await clock.advance(6_000)
  enter('neighbour', 'd', 'n')
  await clock.advance(6_000)
  expect(log).toEqual(['a', 'b', 'c'])
  enter('other', 'e', 'm')
  await clock.advance(0)
  expect(log.slice(3)).toEqual(['c revoked: over_capacity', 'other'])
})
