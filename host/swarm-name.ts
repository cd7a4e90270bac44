import { createHash } from 'node:crypto'
import { InferenceError } from '../protocol/index.ts'

/** Enough for a few words; a DNS label is as long. */
const MAX_LENGTH = 63

export interface SwarmNameInit {
  /** As typed. */
  readonly swarmName?: string | undefined
  readonly swarmKey?: Uint8Array | undefined
  /** Multiaddrs of the peers to join through, the first one typed first. */
  readonly bootstrap: readonly string[]
  /** Whether this peer begins a swarm if it has no name and no peer to join through. */
  readonly ownSwarm: boolean
  /** This peer's id. */
  readonly self: string
}

/**
 * The name of a host's swarm: as typed, else that of the key, else after the peer through which it joins, or after this
 * peer if it begins one. Empty: the swarm of the LAN, which any peer without a name finds by mDNS.
 *
 * @throws InferenceError `invalid_request` for a name that is too long, or has other characters than letters, digits, `-`, `_` and `.`
 */
export function swarmNameOf({
  swarmName,
  swarmKey,
  bootstrap,
  ownSwarm,
  self,
}: SwarmNameInit): string {
  if (swarmName !== undefined) {
    if (swarmName.length > MAX_LENGTH || !/^[\w.-]+$/.test(swarmName)) {
      throw new InferenceError(
        'invalid_request',
        `a swarm's name has 1 to ${MAX_LENGTH} letters, digits, dots, dashes or underscores`,
        { details: { param: 'swarmName' } },
      )
    }
    return swarmName
  }
  if (swarmKey !== undefined) {
    return hashed('skein-swarm-name', swarmKey)
  }
  const [first] = bootstrap
  if (first !== undefined) return after(first.split('/').at(-1) ?? first)
  return ownSwarm ? after(self) : ''
}

/**
 * The mDNS service of a swarm, so that hosts of different swarms on one LAN do not find each other. A private swarm's
 * depends on its key alone, as in earlier versions.
 */
export function serviceTag(swarmName: string, swarmKey: Uint8Array | undefined): string {
  if (swarmKey !== undefined) return `_skein-${hashed('skein-mdns', swarmKey)}._udp.local`
  if (swarmName === '') return '_skein._udp.local'
  return `_skein-${hashed('skein-mdns-name', new TextEncoder().encode(swarmName))}._udp.local`
}

/** A peer id, or the name of several, by its end. */
function after(peer: string): string {
  return `swarm-${peer.slice(-8)}`
}

function hashed(purpose: string, bytes: Uint8Array): string {
  return createHash('sha256').update(purpose).update(bytes).digest('hex').slice(0, 8)
}
