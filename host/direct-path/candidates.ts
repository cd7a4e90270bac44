import { isIPv6 } from 'node:net'
import type { DirectPathCandidate, Sighting } from '../../protocol/index.ts'
import { scopeOfIp } from '../address-scope.ts'
import { DIRECT_PATH, SIGHTINGS } from './limits.ts'

/** A sighting whose signature was verified. */
export interface SignedSighting {
  /** Peer id in text. */
  readonly signer: string
  readonly sighting: Sighting
}

export interface SightingRules {
  /** Peer id of the peer that sent them, as a multihash. */
  readonly peer: Uint8Array
  /** Whether the operator named the signer. */
  readonly isTrusted: (signer: string) => boolean
  /** Milliseconds since 1970. */
  readonly wallMs: number
}

/**
 * The public IP addresses that trusted signers lately saw a peer at. A peer's own word is worth nothing here: it could
 * have packets sent to anyone.
 */
export function seenIps(
  sightings: readonly SignedSighting[],
  { peer, isTrusted, wallMs }: SightingRules,
): ReadonlySet<string> {
  const ips = sightings
    .filter(({ signer }) => isTrusted(signer))
    .filter(({ sighting }) => Buffer.compare(sighting.peer, peer) === 0)
    .filter(({ sighting }) => Math.abs(wallMs - sighting.atMs) <= SIGHTINGS.maxAgeMs)
    .map(({ sighting }) => sighting.ip)
    .filter((ip) => scopeOfIp(ip) === 'public')
  return new Set(ips.map(canonicalIp))
}

/** The sockets that packets may be sent to: at an address where the peer was seen, and at no port of a system service. */
export function allowedCandidates(
  candidates: readonly DirectPathCandidate[],
  ips: ReadonlySet<string>,
): readonly DirectPathCandidate[] {
  const sockets = new Map<string, DirectPathCandidate>()
  for (const { ip, port } of candidates) {
    if (!Number.isInteger(port) || port < DIRECT_PATH.minPort || port > 65_535) continue
    if (scopeOfIp(ip) !== 'public' || !ips.has(canonicalIp(ip))) continue
    sockets.set(`${ip} ${port}`, { ip, port })
  }
  return [...sockets.values()].slice(0, DIRECT_PATH.maxCandidates)
}

/** One text for each address: IPv6 has many. */
function canonicalIp(ip: string): string {
  return isIPv6(ip) ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip
}
