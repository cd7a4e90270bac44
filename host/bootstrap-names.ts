import type { MultiaddrResolveOptions, MultiaddrResolver } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Names that one name leads to, itself included. */
const MAX_NAMES = 8
/** Peers behind one name. */
const MAX_PEERS = 32

/** Whether the address is a name for peers that its owner can change: `/dnsaddr/…` without a peer id. */
export function isBootstrapName(address: Multiaddr): boolean {
  const components = address.getComponents()
  return components[0]?.name === 'dnsaddr' && components.length === 1
}

/**
 * The peers that a `/dnsaddr` name leads to, by the TXT records of `_dnsaddr.<name>`.
 *
 * @throws Error without such a record, or if the name cannot be looked up
 */
export async function peersOfName(
  name: Multiaddr,
  resolver: Pick<MultiaddrResolver, 'resolve'>,
  options: MultiaddrResolveOptions,
): Promise<readonly Multiaddr[]> {
  const names = [name]
  const seen = new Set([name.toString()])
  const peers = new Map<string, Multiaddr>()
  for (let next = names.shift(); next !== undefined; next = names.shift()) {
    for (const found of await resolver.resolve(next, options)) {
      if (isBootstrapName(found)) {
        if (seen.size < MAX_NAMES && !seen.has(found.toString())) names.push(found)
        seen.add(found.toString())
      } else if (peers.size < MAX_PEERS && found.getComponents().at(-1)?.name === 'p2p') {
        peers.set(found.toString(), found)
      }
    }
  }
  if (peers.size === 0) {
    const host = name.getComponents()[0]?.value ?? ''
    throw new Error(`no TXT record of _dnsaddr.${host} has the address of a peer`)
  }
  return [...peers.values()]
}
