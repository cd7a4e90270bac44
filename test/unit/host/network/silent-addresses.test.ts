import type { Address } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { addressOrder } from '../../../../host/address-order.ts'
import { SilentAddresses } from '../../../../host/network/index.ts'

const ID = '12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
const DIRECT = multiaddr('/ip6/2a0e:46::1/tcp/4801')
const RELAYED = multiaddr(`/ip6/2a0e:45::1/tcp/4801/p2p/${ID}/p2p-circuit`)

it('an address that did not answer is dialled after one through a relay, for a minute', () => {
  let nowMs = 0
  const silent = new SilentAddresses(() => nowMs)
  const order = addressOrder({ isNear: () => false, isSuspect: () => false, isSilent: silent.has })
  const sorted = (): string[] =>
    [RELAYED, DIRECT]
      .map((address): Address => ({ multiaddr: address, isCertified: true }))
      .sort(order)
      .map((address) => address.multiaddr.toString())
  expect(sorted()).toEqual([DIRECT, RELAYED].map(String))
  silent.add(multiaddr(`${DIRECT}/p2p/${ID}`))
  expect(sorted()).toEqual([RELAYED, DIRECT].map(String))
  nowMs = 60_000
  expect(sorted()).toEqual([DIRECT, RELAYED].map(String))
  silent.add(DIRECT)
  silent.delete(multiaddr(`${DIRECT}/p2p/${ID}`))
  expect(silent.has(DIRECT)).toBe(false)
})
