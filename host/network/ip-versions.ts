import type { Connection, Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isRelayed } from '../relay/index.ts'
import { ownAddresses } from './own-addresses.ts'

export interface IpVersionsInit {
  readonly now: () => number
  /** IP addresses of this machine. @default those of the system, without loopback */
  readonly addresses?: () => readonly string[]
}

/** A version that did not get through is tried last for so long; with no other it is still tried, with more time. */
const SUSPECT_MS = 60_000
/** A handshake of TCP takes a tenth of it over most paths; the kernel of a busy peer answers as fast as any. */
const CONNECT_MS = 1_200
/** The bound doubles with each failure, up to libp2p's own for one address. */
const MAX_CONNECT_MS = 5_000
/** IPv6 that leads to the Internet (2000::/3). Containers and VPNs give almost every machine some other kind. */
const GLOBAL_IP6 = /^[23][\da-f]{3}:/i

interface Suspicion {
  readonly untilMs: number
  /** Longest wait for the next handshake. */
  readonly connectMs: number
}

/**
 * Which IP versions get through, on a machine that has addresses of both: broken IPv6 is common, and without a word it
 * takes every packet. A version over which no peer is connected has to prove itself quickly, and goes last once it
 * did not.
 */
export class IpVersions {
  readonly #now: () => number
  readonly #addresses: () => readonly string[]
  readonly #suspicions = new Map<IpVersion, Suspicion>()
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
    const connectMs = this.#lastSuspicion(version)?.connectMs ?? CONNECT_MS
    return connectMs < MAX_CONNECT_MS ? connectMs : undefined
  }

  /** No answer came from this address in time: a slow path needs longer. */
  suspect(address: Multiaddr, waitedMs: number): void {
    const version = ipVersionOf(address)
    if (version === undefined) return
    // Of dials at the same time, each waited equally long.
    const connectMs = Math.max(this.#lastSuspicion(version)?.connectMs ?? 0, waitedMs * 2)
    this.#suspicions.set(version, { untilMs: this.#now() + SUSPECT_MS, connectMs })
  }

  /** Whether an address is to be dialled after those of the other version. */
  readonly isSuspect = (address: Multiaddr): boolean => {
    const version = ipVersionOf(address)
    if (version === undefined) return false
    return (this.#suspicions.get(version)?.untilMs ?? 0) > this.#now() && !this.#isProven(version)
  }

  /** Counts until it is over, and for as long as the other version does not get through, either. */
  #lastSuspicion(version: IpVersion): Suspicion | undefined {
    const suspicion = this.#suspicions.get(version)
    if (suspicion === undefined || suspicion.untilMs > this.#now()) return suspicion
    return this.#isProven(version === 'ip4' ? 'ip6' : 'ip4') ? undefined : suspicion
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
    return all.some((ip) => GLOBAL_IP6.test(ip)) && all.some((ip) => !ip.includes(':'))
  }
}

export type IpVersion = 'ip4' | 'ip6'

/** The IP version of an address, of its relay where it leads through one; `undefined` for a name. */
export function ipVersionOf(address: Connection['remoteAddr']): IpVersion | undefined {
  const name = address.getComponents()[0]?.name
  return name === 'ip4' || name === 'ip6' ? name : undefined
}
