import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { inviteFor } from '../../../cli/invite.ts'
import { createSwarmKey, decodeInvite } from '../../../host/index.ts'
import { newPeerId } from '../../../testing/swarms/client-peers.ts'

const IDS = (await Promise.all(Array.from({ length: 7 }, newPeerId))).map(String)
const at = (ip: string, peer: number): string => `/ip4/${ip}/tcp/4801/p2p/${IDS[peer]}`

const OWN = at('44.1.0.1', 0)
const NEAR = at('44.1.0.9', 1)
const FAR = at('45.2.0.1', 2)
const KNOWN = at('46.3.0.1', 3)

function entryPointsOf(init: {
  readonly connected?: readonly string[]
  readonly waiting?: readonly string[]
  readonly known?: readonly string[]
}): readonly string[] {
  const { connected = [], waiting = [], known = [] } = init
  const invite = inviteFor(createSwarmKey(), {
    addresses: () => [multiaddr(OWN)],
    bootstrapPeers: () => [
      ...connected.map((address) => ({ address, status: 'connected' }) as const),
      ...waiting.map((address) => ({ address, status: 'waiting', lastError: 'gone' }) as const),
    ],
    entryPoints: () => known,
  })
  return decodeInvite(invite ?? '').bootstrap
}

describe('the invite that a running peer prints', () => {
  it('outlives it: bootstrap peers that answer and peers known for long are in it, other networks first', () => {
    const points = entryPointsOf({ connected: [NEAR, FAR], known: [KNOWN, FAR] })
    expect(points).toEqual([OWN, FAR, KNOWN, NEAR])
  })

  it('names no bootstrap peer that does not answer, and no peer twice', () => {
    expect(entryPointsOf({ waiting: [FAR], known: [KNOWN, KNOWN, OWN] })).toEqual([OWN, KNOWN])
  })

  it('stays short: four others at most', () => {
    const known = [1, 2, 3, 4, 5, 6].map((peer) => at(`5${peer}.0.0.1`, peer))
    expect(entryPointsOf({ known })).toEqual([OWN, ...known.slice(0, 4)])
  })

  it('does not exist in the public swarm', () => {
    const host = { addresses: () => [], bootstrapPeers: () => [], entryPoints: () => [] }
    expect(inviteFor(undefined, host)).toBeUndefined()
  })
})
