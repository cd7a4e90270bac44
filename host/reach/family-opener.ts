import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { withoutPeer } from '../without-peer.ts'
import { DIAL_BACK } from './limits.ts'
import { endpointOf, publicIpOf } from './own-address.ts'
import type { Testers } from './testers.ts'

/**
 * Peers that are connected over one version of IP test addresses of that one only. Connects to one of them over the
 * other version too, where it has such an address.
 */
export function createFamilyOpener(init: {
  readonly libp2p: Pick<Libp2p, 'dial' | 'peerStore'>
  readonly testers: Testers
  /** Milliseconds since 1970. */
  readonly wall: () => number
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
}): (family: 4 | 6) => Promise<void> {
  const triedAtMs = new Map<4 | 6, number>()
  return async (family) => {
    const nowMs = init.wall()
    const tried = triedAtMs.get(family) ?? Number.NEGATIVE_INFINITY
    if (nowMs - tried < DIAL_BACK.familyRetryMs) return
    if (init.testers.all().length > 0) triedAtMs.set(family, nowMs)
    for (const { connection, peer } of init.testers.all()) {
      const { addresses } = await init.libp2p.peerStore.get(connection.remotePeer)
      const other = addresses
        .map((entry) => entry.multiaddr)
        .find(
          (address) => endpointOf(address)?.family === family && publicIpOf(address) !== undefined,
        )
      if (other === undefined) continue
      try {
        const target = multiaddr(`${withoutPeer(other)}/p2p/${peer}`)
        await init.libp2p.dial(target, { force: true, signal: init.signal })
        return
      } catch (error) {
        init.onError(`connecting over IPv${family}`, error)
      }
    }
  }
}
