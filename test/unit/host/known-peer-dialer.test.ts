import { type Connection, type Libp2p, type PeerId, TypedEventEmitter } from '@libp2p/interface'
import { afterEach, expect, it, vi } from 'vitest'
import { dialKnownPeers } from '../../../host/known-peer-dialer.ts'

afterEach(() => void vi.useRealTimers())

it('dials known peers again only while none is connected, and does nothing while one is', async () => {
  vi.useFakeTimers()
  const stopping = new AbortController()
  const events = new TypedEventEmitter()
  let connections: readonly Connection[] = []
  const dial = vi.fn(() => Promise.reject(new Error('offline')))
  const libp2p = Object.assign(events, {
    dial,
    getConnections: () => connections,
    getPeers: () => connections.map(() => 'peer'),
  }) as unknown as Libp2p
  await dialKnownPeers({
    libp2p,
    candidates: () => Promise.resolve(['peer'] as unknown as PeerId[]),
    signal: stopping.signal,
    random: () => 1,
  })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(dial.mock.calls.length).toBeGreaterThan(2)

  connections = [{} as Connection]
  await vi.advanceTimersByTimeAsync(60_000)
  dial.mockClear()
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(dial).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)

  connections = []
  events.dispatchEvent(new CustomEvent('connection:close'))
  await vi.advanceTimersByTimeAsync(1_100)
  expect(dial).toHaveBeenCalled()
  stopping.abort()
})
