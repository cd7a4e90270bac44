import type { Connection, Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isRelayed } from '../relay/index.ts'
import { ownAddresses } from './own-addresses.ts'

export interface IpVersionsInit {
  readonly now: () => number
  /** IP addresses of this machine. @default those of the system, without loopback */
  readonly addresses?: () => readonly string[]
}

/** A version that did not get through is tried last for so long; with no other it is still tried. */
const SUSPECT_MS = 60_000
/** A handshake of TCP takes a tenth of it over most paths; the kernel of a busy peer answers as fast as any. */
const CONNECT_MS = 1_200

/**
 * Which IP versions get through, on a machine that has addresses of both: broken IPv6 is common, and without a word it
 * takes every packet. A version over which no peer is connected has to prove itself quickly, and goes last once it
 * did not.
 */
export class IpVersions {
  readonly #now: () => number
  readonly #addresses: () => readonly string[]
  readonly #suspectUntilMs = new Map<string, number>()
  #libp2p: Pick<Libp2p, 'getConnections'> | undefined

  constructor({ now, addresses = ownAddresses }: IpVersionsInit) {
    this.#now = now
    this.#addresses = addresses
  }

  attach(libp2p: Pick<Libp2p, 'getConnections'>): void {
    this.#libp2p = libp2p
  }

  /** Longest wait for the TCP handshake with this address; `undefined` without a bound of its own. */
  connectTimeoutMs(address: Multiaddr): number | undefined {
    const version = ipVersionOf(address)
    if (version === undefined || this.#isProven(version) || !this.#hasBoth()) return undefined
    return CONNECT_MS
  }

  /** No answer came from this address. */
  suspect(address: Multiaddr): void {
    const version = ipVersionOf(address)
    if (version !== undefined) this.#suspectUntilMs.set(version, this.#now() + SUSPECT_MS)
  }

  /** Whether an address is to be dialled after those of the other version. */
  readonly isSuspect = (address: Multiaddr): boolean => {
    const version = ipVersionOf(address)
    if (version === undefined) return false
    return (this.#suspectUntilMs.get(version) ?? 0) > this.#now() && !this.#isProven(version)
  }

  #isProven(version: IpVersion): boolean {
    const connections = this.#libp2p?.getConnections() ?? []
    return connections.some(
      ({ remoteAddr, status }) =>
        status === 'open' && !isRelayed(remoteAddr) && ipVersionOf(remoteAddr) === version,
    )
  }

  #hasBoth(): boolean {
    const all = this.#addresses()
    return all.some((ip) => ip.includes(':')) && all.some((ip) => !ip.includes(':'))
  }
}

export type IpVersion = 'ip4' | 'ip6'

/** The IP version of an address, of its relay where it leads through one; `undefined` for a name. */
export function ipVersionOf(address: Connection['remoteAddr']): IpVersion | undefined {
  const name = address.getComponents()[0]?.name
  return name === 'ip4' || name === 'ip6' ? name : undefined
}
