import { multiaddr } from '@multiformats/multiaddr'
import { encodeInvite, type Host, subnetsOf } from '../host/index.ts'
import { shownAddresses } from './join-line.ts'

/** Own addresses in one invite: enough to reach a host by either transport, few enough to paste. */
const MAX_OWN = 3
/** Other peers to join through: the invite outlives the peer that printed it. */
const MAX_OTHERS = 4

/** The invite to this private swarm. `undefined` in the public one. */
export function inviteFor(
  swarmKey: Uint8Array | undefined,
  host: Pick<Host, 'addresses' | 'bootstrapPeers' | 'entryPoints'>,
): string | undefined {
  if (swarmKey === undefined) return undefined
  const own = shownAddresses(host.addresses().map(String)).slice(0, MAX_OWN)
  const connected = host.bootstrapPeers().filter(({ status }) => status === 'connected')
  const others = [...connected.map(({ address }) => address), ...host.entryPoints()]
  return encodeInvite({ swarmKey, bootstrap: [...own, ...apart(own, others)] })
}

/** Each peer once, those of other networks first: peers of one network may fail together. */
function apart(own: readonly string[], others: readonly string[]): string[] {
  const networks = new Set(own.flatMap(networksOf))
  const peers = new Set(own.map(peerIn))
  const near: string[] = []
  const far: string[] = []
  for (const address of others) {
    if (peers.has(peerIn(address))) continue
    peers.add(peerIn(address))
    const of = networksOf(address)
    const isNear = of.some((network) => networks.has(network))
    for (const network of of) networks.add(network)
    if (isNear) near.push(address)
    else far.push(address)
  }
  return [...far, ...near].slice(0, MAX_OTHERS)
}

function networksOf(address: string): string[] {
  return [...subnetsOf([multiaddr(address)])]
}

function peerIn(address: string): string {
  return address.split('/').at(-1) ?? ''
}
