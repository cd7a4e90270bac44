import type { ConnectionGater, MultiaddrResolver } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { dnsaddrResolver } from 'libp2p'
import { LRUCache } from 'lru-cache'
import { dialTarget, scopeOfIp } from './address-scope.ts'
import { type DialPolicy, mayDial } from './dial-policy.ts'
import type { NameLookup } from './name-lookup.ts'
import type { SameNetwork } from './same-network/index.ts'
import { withoutPeer } from './without-peer.ts'

/** Most addresses trusted later on; the LAN can send any number of them. */
const MAX_TRUSTED = 1_024
/** Of one `/dnsaddr` name. */
const MAX_DNSADDR_ANSWERS = 32

export interface Gater {
  readonly connectionGater: ConnectionGater
  /**
   * Replaces a stranger's host name by the addresses it leads to, so that the checked address is the one dialled: a
   * second look-up could return others. Names under TLS stay (the certificate is for the name) and are checked only.
   */
  readonly nameResolver: MultiaddrResolver
  /**
   * Looks up `/dnsaddr` names that the user typed, and those they lead to. A stranger's is not resolved: each answer may
   * contain many more names to look up.
   */
  readonly dnsaddrResolver: MultiaddrResolver
  /** Allows an address that does not come from a stranger: entered by the user, or from mDNS. */
  trust(address: Multiaddr): void
  /** Sets what finds peers behind the same router, once connections exist: their private addresses are allowed. */
  attach(sameNetwork: Pick<SameNetwork, 'includes' | 'isNear'>): void
  /** Whether an allowed address was found to be behind the same router lately. */
  readonly isNear: (address: Multiaddr) => boolean
}

/**
 * Applies the policy to every dial, wherever the address came from: address book, DHT, advertisement, identify.
 *
 * @param typed addresses that the user typed; always let through
 */
export function createGater(
  policy: DialPolicy,
  lookup: NameLookup,
  typed: readonly Multiaddr[],
  resolveDnsaddr: MultiaddrResolver['resolve'] = (address, options) =>
    dnsaddrResolver.resolve(address, options),
): Gater {
  const fixed = new Set(typed.map(withoutPeer))
  const learned = new LRUCache<string, true>({ max: MAX_TRUSTED })
  let sameNetwork: Pick<SameNetwork, 'includes' | 'isNear'> | undefined
  const isTrusted = (address: Multiaddr): boolean => {
    const key = withoutPeer(address)
    return fixed.has(key) || learned.has(key)
  }

  const trust = (address: Multiaddr): void => {
    learned.set(withoutPeer(address), true)
  }

  const denied = async (address: Multiaddr): Promise<boolean> => {
    if (isTrusted(address)) return false
    const target = dialTarget(address)
    const ips = target.kind === 'name' ? await lookup(target.name, target.family) : []
    if (mayDial(target, ips.map(scopeOfIp), policy)) return false
    return (await sameNetwork?.includes(address)) !== true
  }

  return {
    connectionGater: { denyDialMultiaddr: denied },
    nameResolver: {
      canResolve: (address) =>
        dialTarget(address).kind === 'name' &&
        !isTrusted(address) &&
        !address.getComponents().some(({ name }) => name === 'tls' || name === 'wss'),
      resolve: async (address) => {
        const target = dialTarget(address)
        if (target.kind !== 'name') return [address]
        const ips = await lookup(target.name, target.family)
        return ips.map((ip) => withIp(address, ip))
      },
    },
    dnsaddrResolver: {
      canResolve: (address) => isDnsaddr(address) && isTrusted(address),
      resolve: async (address, options) => {
        const found = (await resolveDnsaddr(address, options)).slice(0, MAX_DNSADDR_ANSWERS)
        for (const next of found) if (isDnsaddr(next)) trust(next)
        return found
      },
    },
    trust,
    attach: (found) => {
      sameNetwork = found
    },
    isNear: (address) => sameNetwork?.isNear(address) === true,
  }
}

function isDnsaddr(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'dnsaddr')
}

function withIp(address: Multiaddr, ip: string): Multiaddr {
  const rest = address.toString().split('/').slice(3).join('/')
  return multiaddr(`/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/${rest}`)
}
