import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'
import type { AnnounceRules } from './announce-rules.ts'
import { type OwnAddress, ownAddress, withoutPeer } from './own-address.ts'

/** A host's addresses as its transports report them. */
export interface AddressSources {
  /** Where it listens, interfaces spelled out, relays' addresses among them. */
  listening(): readonly Multiaddr[]
  /** Addresses of a router that hands connections on to this host. */
  mapped(): readonly Multiaddr[]
}

/** Widest scope first, for peers that keep only a few addresses. */
const ORDER = { public: 0, lan: 2, loopback: 3, nowhere: 4 } as const

/** The addresses of a host, and which of them it announces. */
export class OwnAddresses {
  readonly #rules: AnnounceRules
  readonly #self: string
  readonly #refuted = new Set<string>()
  #sources: AddressSources = { listening: () => [], mapped: () => [] }

  /** @param self peer id of this host */
  constructor(rules: AnnounceRules, self: string) {
    this.#rules = rules
    this.#self = self
  }

  /** Sets the source of addresses, once the transports exist. */
  attach(sources: AddressSources): void {
    this.#sources = sources
  }

  /** All that may be announced, refuted ones among them, as of now. */
  all(): readonly OwnAddress[] {
    const found = new Map<string, OwnAddress>()
    const add = (addresses: readonly Multiaddr[], source: 'interface' | 'announced'): void => {
      for (const address of addresses) {
        const own = ownAddress(address, source)
        if (own.reach === 'nowhere' || found.has(own.address)) continue
        if (this.#rules.allows(address)) found.set(own.address, own)
      }
    }
    add(this.#sources.listening(), 'interface')
    add(this.#sources.mapped(), 'announced')
    add(this.#rules.typed, 'announced')
    return [...found.values()].toSorted((a, b) => rank(a) - rank(b))
  }

  /** Withholds these addresses, and no others. @returns whether that changes what is announced */
  withhold(addresses: ReadonlySet<string>): boolean {
    const same =
      addresses.size === this.#refuted.size &&
      [...addresses].every((address) => this.#refuted.has(address))
    if (same) return false
    this.#refuted.clear()
    for (const address of addresses) this.#refuted.add(address)
    return true
  }

  /**
   * The addresses to announce, each with the peer id. libp2p's own choice leaves public addresses out until peers of
   * four networks have confirmed them, which a young swarm does not have.
   *
   * @param chosen libp2p's choice
   */
  announced(chosen: readonly Multiaddr[]): Multiaddr[] {
    const all = this.all()
    const known = new Set([...all.map(({ address }) => address), ...this.#refuted])
    const others = chosen.filter(
      (address) =>
        !known.has(withoutPeer(address)) &&
        this.#rules.allows(address) &&
        ownAddress(address, 'interface').reach !== 'nowhere',
    )
    const mine = all.filter(({ address }) => !this.#refuted.has(address))
    return [...mine.map(({ address }) => multiaddr(`${address}/p2p/${this.#self}`)), ...others]
  }
}

function rank({ source, reach }: OwnAddress): number {
  return source === 'relay' ? 1 : ORDER[reach]
}
