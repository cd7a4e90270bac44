import { expect, it } from 'vitest'
import { keepDirectPaths } from '../../../../host/direct-path/keep-direct-paths.ts'
import { createHost } from '../../../../host/index.ts'
import { OwnAddresses } from '../../../../host/reach/index.ts'
import { PROTOCOLS } from '../../../../protocol/index.ts'

it('is reported as missing where the package is not installed, and offers nothing', async () => {
  await using host = await createHost({ dht: 'client' })
  const { libp2p, privateKey } = host
  const before = libp2p.getProtocols()
  const never = (): never => {
    throw new Error('not expected')
  }
  const state = await keepDirectPaths({
    ...{ libp2p, privateKey, role: 'use', isTrusted: never, needsPaths: never, onFault: never },
    upgrader: { upgradeInbound: never, upgradeOutbound: never },
    own: new OwnAddresses({ allows: () => true, typed: [] }, host.peerId.toString()),
    ...{ now: Date.now, random: Math.random, signal: new AbortController().signal },
    isInstalled: () => false,
  })
  expect(state()).toEqual({ status: 'missing' })
  expect(libp2p.getProtocols()).toEqual(before)
})

it('is off unless it is asked for, and serves STUN on a host that always relays', async () => {
  await using host = await createHost({ dht: 'client' })
  expect(host.directPaths()).toEqual({ status: 'off' })
  await using bootstrap = await createHost({
    ...{ dht: 'server', relay: 'always', webrtc: true },
    listen: ['/ip4/127.0.0.1/tcp/0'],
  })
  const [address] = bootstrap.addresses()
  expect(bootstrap.directPaths()).toEqual({
    status: 'serving',
    stunPort: Number(/tcp\/(\d+)/.exec(address?.toString() ?? '')?.[1]),
  })
})

it('signs sightings where it listens on IPv6 only, which needs no STUN', async () => {
  await using bootstrap = await createHost({
    ...{ dht: 'server', relay: 'always', webrtc: true },
    listen: ['/ip6/::1/tcp/0'],
  })
  expect(bootstrap.directPaths()).toEqual({ status: 'serving' })
  expect(bootstrap.libp2p.getProtocols()).toContain(PROTOCOLS.sighting)
})
