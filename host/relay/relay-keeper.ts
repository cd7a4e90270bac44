import type { Connection, IdentifyResult, Libp2p, Logger, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { LRUCache } from 'lru-cache'
import { CIRCUIT_PROTOCOLS } from '../../protocol/index.ts'
import { backoffMs, EQUAL_JITTER, openScope, pause } from '../../timing/index.ts'
import { dialTarget } from '../address-scope.ts'
import { listenUntil } from '../listen-until.ts'
import { networkOf } from '../subnet.ts'
import { chooseRelays, type RelayOption } from './choose-relays.ts'
import { isRelayed } from './relayed.ts'
import { type Reservation, requestReservation } from './reserve.ts'

export interface RelayKeeperInit {
  readonly libp2p: Pick<
    Libp2p,
    'peerId' | 'dial' | 'getConnections' | 'getPeers' | 'peerStore' | 'getMultiaddrs'
  > &
    Pick<Libp2p, 'addEventListener' | 'removeEventListener'>
  /** Whether this host needs relays now: it cannot be reached directly. */
  readonly isNeeded: () => boolean
  /** A relay on this machine helps only a host that does not listen itself. */
  readonly useLoopback: boolean
  /** Called when the addresses changed. */
  readonly onChange: () => void
  readonly signal: AbortSignal
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
  readonly log: Logger
}

/** A current reservation. */
export interface HeldRelay {
  readonly relay: PeerId
  /** Where others reach this host through the relay, without this host's id at the end. */
  readonly addresses: readonly Multiaddr[]
  readonly expiresAtMs: number
}

interface Held extends HeldRelay, RelayOption {
  readonly reservedAtMs: number
}

/** With two independent relays, one may fail without a gap. */
const WANTED = 2
const DIAL_TIMEOUT_MS = 5_000
const RESERVE_TIMEOUT_MS = 5_000
const BACKOFF = { minMs: 1_000, maxMs: 30_000, jitter: EQUAL_JITTER }
/** Between two attempts at a relay known from before, while another one is held: many are gone for ever. */
const MAX_AWAY_MS = 600_000
const MAX_FAILURES = 1_024
/** Interval of checks, in addition to events. */
const CHECK_EVERY_MS = 30_000
/** How long other peers may still have addresses that are no longer announced. */
const RETIRED_MS = 600_000
/** Peers known from before that are looked at when no connected peer relays. */
const MAX_KNOWN_TRIED = 16

/**
 * Keeps reservations at two relays for as long as the host needs them: made as soon as a relay is met, made again when
 * one is lost or comes back, and renewed half-way through their life.
 */
export class RelayKeeper {
  readonly #init: RelayKeeperInit
  readonly #held = new Map<string, Held>()
  /** Relays that are no longer announced, and until when peers with older addresses may still come through them. */
  readonly #retired = new Map<string, number>()
  readonly #failures = new LRUCache<string, { readonly count: number; readonly retryAtMs: number }>(
    { max: MAX_FAILURES },
  )
  readonly #waiting = new Set<() => void>()
  #wake: AbortController = new AbortController()

  constructor(init: RelayKeeperInit) {
    this.#init = init
    const { libp2p, signal } = init
    const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
      if (detail.protocols.includes(CIRCUIT_PROTOCOLS.hop)) {
        this.#failures.delete(detail.peerId.toString())
        this.check()
      }
    }
    const onClose = ({ detail }: CustomEvent<Connection>): void => {
      if (this.#held.has(detail.remotePeer.toString())) this.check()
    }
    listenUntil(signal, libp2p, { 'peer:identify': onIdentify, 'connection:close': onClose })
    signal.addEventListener('abort', () => this.#wake.abort(), { once: true })
    void this.#run()
  }

  /** The reservations that are held now. */
  get held(): readonly HeldRelay[] {
    return [...this.#held.values()]
  }

  /** Whether peers may come through this relay. */
  holds(relay: PeerId): boolean {
    const key = relay.toString()
    return this.#held.has(key) || (this.#retired.get(key) ?? 0) > this.#init.now()
  }

  /** Resolves once a reservation is held, or the signal fires. */
  async firstHeld(signal: AbortSignal): Promise<void> {
    if (this.#held.size > 0 || signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  /** Checks the reservations at once, after a change. */
  check(): void {
    this.#wake.abort()
  }

  async #run(): Promise<void> {
    const { signal, random, log } = this.#init
    let attempt = 0
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const before = this.#summary()
      await this.#round().catch((error: unknown) =>
        log.error('looking for relays failed - %e', error),
      )
      if (signal.aborted) return
      if (this.#summary() !== before) this.#init.onChange()
      const enough = !this.#init.isNeeded() || this.#held.size >= WANTED
      attempt = enough ? 0 : attempt + 1
      await pause(enough ? CHECK_EVERY_MS : backoffMs(attempt, BACKOFF, random()), {
        signal: this.#wake.signal,
      })
    }
  }

  #summary(): string {
    return this.held.flatMap(({ addresses }) => addresses.map(String)).join()
  }

  async #round(): Promise<void> {
    const { isNeeded, now, random, signal } = this.#init
    for (const [peer, untilMs] of this.#retired) if (untilMs <= now()) this.#retired.delete(peer)
    if (!isNeeded()) {
      for (const held of this.#held.values()) this.#retire(held)
      return
    }
    for (const [peer, { relay, expiresAtMs }] of this.#held) {
      if (expiresAtMs <= now() || this.#connection(relay) === undefined) this.#held.delete(peer)
    }
    await Promise.all(
      [...this.#held.values()].filter((held) => isDue(held, now())).map((held) => this.#ask(held)),
    )
    while (!signal.aborted) {
      const next = chooseRelays([...this.#held.values()], await this.#options(), WANTED, random)
      if (next.length === 0) break
      await Promise.all(next.map((option) => this.#ask(option)))
    }
    this.#dropSurplus()
  }

  /** Reserves, or notes when to try again. Never rejects. */
  async #ask(option: RelayOption): Promise<void> {
    const { now, random, signal, log } = this.#init
    const relay = peerIdFromString(option.peer)
    using scope = openScope({ timeoutMs: DIAL_TIMEOUT_MS + RESERVE_TIMEOUT_MS }, { owner: signal })
    try {
      const connection = this.#connection(relay) ?? (await this.#dial(relay))
      if (isRelayed(connection.remoteAddr)) throw new Error('reached through another relay only')
      const reservation = await requestReservation(connection, now(), scope)
      const addresses = withCircuit(reservation, relay)
      if (addresses.length === 0) throw new Error('the relay has no address that others could dial')
      this.#failures.delete(option.peer)
      this.#held.set(option.peer, {
        ...option,
        relay,
        addresses,
        reservedAtMs: now(),
        expiresAtMs: reservation.expiresAtMs,
      })
      void this.#tag(relay, true)
      for (const done of this.#waiting) done()
    } catch (error) {
      log('no reservation at %p - %e', relay, error)
      const count = (this.#failures.get(option.peer)?.count ?? 0) + 1
      const maxMs = option.connected || this.#held.size === 0 ? BACKOFF.maxMs : MAX_AWAY_MS
      const retryAtMs = now() + backoffMs(count, { ...BACKOFF, maxMs }, random())
      this.#failures.set(option.peer, { count, retryAtMs })
    }
  }

  async #dial(relay: PeerId): Promise<Connection> {
    using scope = openScope({ timeoutMs: DIAL_TIMEOUT_MS }, { owner: this.#init.signal })
    return await this.#init.libp2p.dial(relay, { signal: scope.signal })
  }

  /** A direct connection to the relay; one that we opened first, since its address is known to work. */
  #connection(relay: PeerId): Connection | undefined {
    return this.#init.libp2p
      .getConnections(relay)
      .filter(({ remoteAddr, status }) => status === 'open' && !isRelayed(remoteAddr))
      .sort((a, b) => Number(b.direction === 'outbound') - Number(a.direction === 'outbound'))[0]
  }

  /** Peers that relay and may be asked now: those that are connected, and, where these are too few, known ones. */
  async #options(): Promise<readonly RelayOption[]> {
    const { libp2p } = this.#init
    const connected: RelayOption[] = []
    for (const peer of libp2p.getPeers()) {
      const connection = this.#mayAsk(peer) ? this.#connection(peer) : undefined
      if (connection === undefined || !(await this.#relays(peer))) continue
      const option = this.#optionOf(peer, connection.remoteAddr, true)
      if (option !== undefined) connected.push(option)
    }
    if (connected.length + this.#held.size >= WANTED) return connected
    const known = await libp2p.peerStore.all({
      filters: [({ protocols }) => protocols.includes(CIRCUIT_PROTOCOLS.hop)],
      limit: MAX_KNOWN_TRIED,
    })
    const away = known.flatMap(({ id, addresses }) => {
      const address = addresses.find(({ multiaddr }) => !isRelayed(multiaddr))?.multiaddr
      if (address === undefined || !this.#mayAsk(id) || this.#connection(id) !== undefined)
        return []
      return this.#optionOf(id, address, false) ?? []
    })
    return [...connected, ...away]
  }

  #mayAsk(peer: PeerId): boolean {
    const key = peer.toString()
    const retryAtMs = this.#failures.get(key)?.retryAtMs ?? 0
    return (
      !this.#held.has(key) &&
      !peer.equals(this.#init.libp2p.peerId) &&
      retryAtMs <= this.#init.now()
    )
  }

  async #relays(peer: PeerId): Promise<boolean> {
    const known = await this.#init.libp2p.peerStore.get(peer).catch(() => undefined)
    return known?.protocols.includes(CIRCUIT_PROTOCOLS.hop) === true
  }

  #optionOf(peer: PeerId, address: Multiaddr, connected: boolean): RelayOption | undefined {
    const target = dialTarget(address)
    const isLoopback = target.kind === 'ip' && target.scopes.includes('loopback')
    if (isLoopback && !this.#init.useLoopback) return undefined
    const network = networkOf(address) ?? address.getComponents()[0]?.value ?? ''
    return { peer: peer.toString(), network, connected }
  }

  /** Drops one of three reservations that shares its network with another. */
  #dropSurplus(): void {
    while (this.#held.size > WANTED) {
      const all = [...this.#held.values()]
      const twin = all.find((a) => all.some((b) => b !== a && b.network === a.network)) ?? all[0]
      if (twin === undefined) return
      this.#retire(twin)
    }
  }

  #retire({ peer, relay, expiresAtMs }: Held): void {
    this.#held.delete(peer)
    this.#retired.set(peer, Math.min(expiresAtMs, this.#init.now() + RETIRED_MS))
    void this.#tag(relay, false)
  }

  /** A tag that begins so makes libp2p dial the peer again once it is lost, and prune its connection last. */
  async #tag(relay: PeerId, keep: boolean): Promise<void> {
    const tags = { 'keep-alive-skein-relay': keep ? { value: 80 } : undefined }
    await this.#init.libp2p.peerStore.merge(relay, { tags }).catch(() => undefined)
  }
}

function isDue({ reservedAtMs, expiresAtMs }: Held, nowMs: number): boolean {
  return nowMs >= reservedAtMs + (expiresAtMs - reservedAtMs) / 2
}

function withCircuit({ addresses }: Reservation, relay: PeerId): Multiaddr[] {
  return addresses.map((address) => address.encapsulate(`/p2p/${relay.toString()}/p2p-circuit`))
}
