import { type Connection, type Libp2p, type PeerId, TypedEventEmitter } from '@libp2p/interface'
import { afterEach, expect, it, vi } from 'vitest'
import { dialKnownPeers } from '../../../host/known-peer-dialer.ts'

afterEach(() => void vi.useRealTimers())

it.each([
  ['none is connected', 0, 2],
  ['only clients are, though less often', 5, 1],
])('dials known peers again only while %s', async (_, clients, least) => {
  vi.useFakeTimers()
  const inbound = Array.from({ length: clients }, () => ({ direction: 'inbound' }))
  const stopping = new AbortController()
  const events = new TypedEventEmitter()
  let connections = inbound as Connection[]
  let isServed = false
  const dial = vi.fn(() => Promise.reject(new Error('offline')))
  const libp2p = Object.assign(events, {
    dial,
    getConnections: () => connections,
  }) as unknown as Libp2p
  await dialKnownPeers({
    libp2p,
    hasServer: () => Promise.resolve(isServed),
    candidates: () => Promise.resolve(['peer'] as unknown as PeerId[]),
    signal: stopping.signal,
    random: () => 1,
  })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(dial.mock.calls.length).toBeGreaterThan(least)

  connections = [...inbound, {}] as Connection[]
  isServed = true
  await vi.advanceTimersByTimeAsync(300_000)
  dial.mockClear()
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(dial).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)

  connections = inbound as Connection[]
  isServed = false
  events.dispatchEvent(new CustomEvent('connection:close'))
  await vi.advanceTimersByTimeAsync(1_100)
  expect(dial).toHaveBeenCalled()
  stopping.abort()
})
