import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { SAME_NETWORK } from '../../../../host/same-network/limits.ts'
import { SameNetwork } from '../../../../host/same-network/same-network.ts'

const ID = '12D3KooWGC2T2kWGjCLFkdQZQZkPuaXgQZSuyDjgoGqXtHmZT9mE'
const address = multiaddr(`/ip4/192.168.1.7/tcp/4801/p2p/${ID}`)

it('asks again soon whether a peer is behind the same router if no answer came', async () => {
  let nowMs = 0
  let asked = 0
  const bootstrap = {
    ...{ remotePeer: 'bootstrap', remoteAddr: multiaddr('/ip4/45.1.0.1/tcp/4801'), status: 'open' },
    newStream: () => {
      asked += 1
      return Promise.reject(new Error('too busy'))
    },
  } as unknown as Connection
  const network = new SameNetwork({
    libp2p: { getConnections: () => [bootstrap] } as unknown as Libp2p,
    isTrusted: () => true,
    now: () => nowMs,
    mayBeNear: () => true,
    signal: new AbortController().signal,
  })
  expect(await network.includes(address)).toBe(false)
  nowMs = SAME_NETWORK.unansweredMs - 1
  expect(await network.includes(address)).toBe(false)
  expect(asked).toBe(1)
  nowMs = SAME_NETWORK.unansweredMs
  expect(await network.includes(address)).toBe(false)
  expect(asked).toBe(2)
})
