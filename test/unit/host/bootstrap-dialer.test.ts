import { defaultLogger } from '@libp2p/logger'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type BootstrapDialerInit, dialBootstrapPeers } from '../../../host/bootstrap-dialer.ts'

const ADDRESS = '/ip4/44.0.0.1/tcp/4801/p2p/12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
const OWN = '12D3KooWL1khQquees1d8CRWHncYaZmNz7rcdwa7griQJexqFBQg'

afterEach(() => void vi.useRealTimers())

/** Dials one bootstrap peer until the signal fires. @returns its state */
function dialing(dial: BootstrapDialerInit['libp2p']['dial'], signal: AbortSignal) {
  const libp2p = {
    dial,
    logger: defaultLogger(),
    peerId: peerIdFromString(OWN),
    getConnections: () => [],
    addEventListener: () => {},
    removeEventListener: () => {},
    peerStore: {} as BootstrapDialerInit['libp2p']['peerStore'],
  }
  return dialBootstrapPeers({
    ...{ libp2p, signal, addresses: [multiaddr(ADDRESS)], networkChanged: new EventTarget() },
    names: { resolve: () => Promise.resolve([]) },
    random: () => 0.5,
    explain: (error) => (error as Error).message,
  })
}

describe('a bootstrap peer that is dialled again', () => {
  it('keeps the reason for the previous failure until that dial ends', async () => {
    vi.useFakeTimers()
    const stopping = new AbortController()
    let dials = 0
    const states = dialing(async () => {
      dials += 1
      if (dials === 1) throw new Error('connection refused')
      return await new Promise(() => {})
    }, stopping.signal)
    expect(states()).toEqual([{ address: ADDRESS, status: 'dialing' }])
    await vi.advanceTimersByTimeAsync(0)
    const failure = { address: ADDRESS, lastError: 'connection refused' }
    expect(states()).toEqual([{ ...failure, status: 'waiting' }])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(dials).toBe(2)
    expect(states()).toEqual([{ ...failure, status: 'dialing' }])
    stopping.abort()
  })
})
