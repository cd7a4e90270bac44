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
  const state: { reads: number; answers: boolean } = { reads: 0, answers: true }
  const listeners = new Set<() => void>()
  const changed = (): void => {
    for (const listener of listeners) listener()
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
    addEventListener: (_: string, listener: () => void) => listeners.add(listener),
    removeEventListener: (_: string, listener: () => void) => listeners.delete(listener),
  } as unknown as RoutingTableView
  void keepTableFilled({
    table,
    servers: () => {
      state.reads += 1
      return Promise.resolve(peers)
    },
    onPeers: (listener) => listeners.add(listener),
    signal: stop.signal,
    clock,
  })
  return { clock, inTable, state, changed }
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
    const { clock, inTable, state, changed } = scene(peers)
    await clock.advance(60_000)
    const { reads } = state
    changed()
    await clock.advance(500)
    expect(state.reads).toBe(reads + 1)
    inTable.delete(peers[0] as PeerId)
    changed()
    await clock.advance(500)
    expect([...inTable]).toHaveLength(3)
  })

  it('is looked at once a minute at rest', async () => {
    const { clock, state } = scene(peers)
    await clock.advance(600_000)
    const { reads } = state
    await clock.advance(600_000)
    expect(state.reads - reads).toBeLessThanOrEqual(10)
    expect(state.reads - reads).toBeGreaterThan(7)
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
