import type { Libp2p } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isPublicAddress } from './address-scope.ts'
import { isRelayed } from './relay/index.ts'

/**
 * Whether a host should answer DHT queries: not behind a NAT, where most peers could not connect to it, or only at a
 * relay's expense. A host that sees nothing of the Internet serves its own network.
 */
export function shouldServeDht({
  addresses,
  seenAt,
  isPublic,
}: {
  /** That it announces. */
  readonly addresses: readonly Multiaddr[]
  /** Public IP addresses at which peers outside see it. */
  readonly seenAt: readonly string[]
  /** Whether peers outside can dial it. */
  readonly isPublic: boolean
}): boolean {
  if (isPublic) return true
  const hasPublicRelay = addresses.some((address) => isRelayed(address) && isPublicAddress(address))
  return !hasPublicRelay && seenAt.length === 0
}

export interface DhtModeInit {
  readonly libp2p: Pick<Libp2p, 'addEventListener' | 'getMultiaddrs' | 'removeEventListener'>
  readonly dht: Pick<KadDHT, 'getMode' | 'setMode'>
  /** Whether peers outside can dial this host. */
  readonly isPublic: () => boolean
  readonly seenAt: () => readonly string[]
  /** Subscribes to changes of the reachability. */
  readonly onReachability: (listener: () => void) => () => void
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
}

/** Serves the DHT while `shouldServeDht`, and only asks it otherwise. */
export function followDhtMode(init: DhtModeInit): void {
  const { libp2p, dht, signal } = init
  let changing = Promise.resolve()
  const follow = (): void => {
    changing = changing
      .then(async () => {
        const addresses = libp2p.getMultiaddrs()
        const facts = { addresses, seenAt: init.seenAt(), isPublic: init.isPublic() }
        const mode = shouldServeDht(facts) ? 'server' : 'client'
        if (!signal.aborted && mode !== dht.getMode()) await dht.setMode(mode)
      })
      .catch((error: unknown) => init.onError('changing the mode of the DHT', error))
  }
  const unsubscribe = init.onReachability(follow)
  libp2p.addEventListener('self:peer:update', follow)
  signal.addEventListener(
    'abort',
    () => {
      unsubscribe()
      libp2p.removeEventListener('self:peer:update', follow)
    },
    { once: true },
  )
  follow()
}
