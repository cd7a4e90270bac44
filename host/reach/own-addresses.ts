import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'
import { withoutPeer } from '../without-peer.ts'
import type { AnnounceRules } from './announce-rules.ts'
import { type OwnAddress, ownAddress } from './own-address.ts'

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
  readonly #confirmed = new Set<string>()
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
    const add = (
      addresses: readonly Multiaddr[],
      source: 'interface' | 'announced' | 'mapped',
    ): void => {
      for (const address of addresses) {
        const own = ownAddress(address, source)
        if (own.reach === 'nowhere' || found.has(own.address)) continue
        if (this.#rules.allows(address)) found.set(own.address, own)
      }
    }
    add(this.#sources.listening(), 'interface')
    add(this.#rules.typed, 'announced')
    add(this.#sources.mapped(), 'mapped')
    return [...found.values()].toSorted((a, b) => rank(a) - rank(b))
  }

  /**
   * Withholds refuted addresses, and of those that a router maps all that were not confirmed.
   *
   * @returns whether that changes what is announced
   */
  judge({
    refuted,
    confirmed,
  }: {
    readonly refuted: readonly string[]
    readonly confirmed: readonly string[]
  }): boolean {
    const before = this.announced([]).join()
    replace(this.#refuted, refuted)
    replace(this.#confirmed, confirmed)
    return this.announced([]).join() !== before
  }

  /**
   * The versions of IP over which peers outside can dial this host. An IPv4 address, and one that the operator typed,
   * counts until it is refuted. An IPv6 address of an interface counts once it is confirmed: almost every machine at home
   * has one, behind a router that lets nothing in.
   */
  openVersions(): ReadonlySet<4 | 6> {
    const open = new Set<4 | 6>()
    for (const { address, reach, source } of this.all()) {
      if (reach !== 'public' || source === 'relay' || !this.#isAnnounced(address, source)) continue
      const version = versionOf(address)
      if (version === 4 || source === 'announced' || this.#confirmed.has(address)) open.add(version)
    }
    return open
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
    const mine = all.filter(({ address, source }) => this.#isAnnounced(address, source))
    return [...mine.map(({ address }) => multiaddr(`${address}/p2p/${this.#self}`)), ...others]
  }

  #isAnnounced(address: string, source: OwnAddress['source']): boolean {
    return !this.#refuted.has(address) && (source !== 'mapped' || this.#confirmed.has(address))
  }
}

/** A name without a version leads to IPv4 addresses, too, almost always. */
function versionOf(address: string): 4 | 6 {
  return address.startsWith('/ip6/') || address.startsWith('/dns6/') ? 6 : 4
}

function rank({ source, reach }: OwnAddress): number {
  return source === 'relay' ? 1 : ORDER[reach]
}

function replace(set: Set<string>, entries: readonly string[]): void {
  set.clear()
  for (const entry of entries) set.add(entry)
}
