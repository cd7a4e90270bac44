import type { PeerId } from '@libp2p/interface'
import { afterEach, describe, expect, it } from 'vitest'
import { keepTableFilled, type RoutingTableView } from '../../../host/routing-table.ts'
import { VirtualClock } from '../../../testing/index.ts'

const peers = ['a', 'b', 'c'] as unknown as PeerId[]

let stop = new AbortController()
afterEach(() => {
  stop.abort()
  stop = new AbortController()
})

/** A host connected to three DHT servers, of which the table has some. */
function scene(has: readonly PeerId[]) {
  const clock = new VirtualClock()
  const inTable = new Set(has)
  const state: { reads: number; connected: number; answers: boolean } = {
    reads: 0,
    connected: 3,
    answers: true,
  }
  const table = {
    get size() {
      return inTable.size
    },
    find: (peer: PeerId) => Promise.resolve(inTable.has(peer) ? peer : undefined),
    add: (peer: PeerId) => {
      if (!state.answers) return Promise.reject(new Error('no answer'))
      inTable.add(peer)
      return Promise.resolve()
    },
  } as unknown as RoutingTableView
  void keepTableFilled({
    table,
    servers: () => {
      state.reads += 1
      return Promise.resolve(peers)
    },
    connected: () => state.connected,
    signal: stop.signal,
    clock,
  })
  return { clock, inTable, state }
}

describe('the routing table of a small swarm', () => {
  it('gets the connected servers that are missing', async () => {
    const { clock, inTable } = scene([])
    await clock.advance(1_000)
    expect([...inTable]).toEqual(peers)
  })

  it('is looked at seldom once it has them all', async () => {
    const { clock, state } = scene(peers)
    await clock.advance(60_000)
    // Every half second it would be 120 times.
    expect(state.reads).toBeLessThan(12)
  })

  it('is looked at again at once when a connection comes or a peer leaves the table', async () => {
    const { clock, inTable, state } = scene(peers)
    await clock.advance(60_000)
    const { reads } = state
    state.connected = 4
    await clock.advance(500)
    expect(state.reads).toBe(reads + 1)
    inTable.delete(peers[0] as PeerId)
    await clock.advance(500)
    expect([...inTable]).toHaveLength(3)
  })

  it('is looked at every half second while a peer does not answer', async () => {
    const { clock, state, inTable } = scene([])
    state.answers = false
    await clock.advance(10_000)
    state.answers = true
    await clock.advance(500)
    expect([...inTable]).toHaveLength(3)
  })
})
