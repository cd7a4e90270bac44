import type { Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import type { Advertisement } from '../protocol/index.ts'
import type { Acquaintance } from './acquaintance.ts'
import type { NatKind, Reachability } from './reach/index.ts'
import type { RelayUse } from './relay/index.ts'

/** Lets the caller give up waiting: the call rejects with `signal.reason`. */
export interface AbortOptions {
  readonly signal?: AbortSignal
}

/** What a host is made of. Whatever is left out has a default that works. */
export interface HostInit {
  /** `server` answers DHT queries and stores records; `client` only asks. */
  readonly dht: 'server' | 'client'
  /** Identity, datastore, known peers and advertisements live here. Without it nothing outlives the process. */
  readonly dataDir?: string
  /**
   * When another living process works in `dataDir`: `fail` with DataDirLockedError, or go on `ephemeral`, with an
   * identity and a datastore that end with the process, but still reading the advertisements kept there.
   * @default 'fail'
   */
  readonly whenLocked?: 'fail' | 'ephemeral'
  /**
   * Called with what the owner of this machine should know of its disk: that state cannot be saved, that it is saved
   * again, that a damaged file was put aside. Must not throw. @default not told
   */
  readonly onFault?: (message: string) => void
  /** Multiaddrs to listen on. A port of 0 is picked once and kept across restarts. @default none for clients, all interfaces (TCP and WebSockets) for servers */
  readonly listen?: readonly string[]
  /**
   * Multiaddrs announced beside those that the host finds: of a forwarded port, of the machine around a container, of a
   * name (`/dns4/…`). @default none
   */
  readonly announce?: readonly string[]
  /** Networks (`10.0.0.0/8`, `fd00::/8`) whose addresses are never announced. @default none */
  readonly noAnnounce?: readonly string[]
  /** Multiaddrs of bootstrap peers, each ending in `/p2p/…`, or a name of several (`/dnsaddr/…`). Dialled with backoff for ever. @default none */
  readonly bootstrap?: readonly string[]
  /** Pre-shared key of a private swarm (libp2p's text format). @default none: the public swarm */
  readonly swarmKey?: Uint8Array
  /**
   * Whether this host relays for peers that cannot be reached otherwise: always, while it has a public address, or
   * never. @default 'never'
   */
  readonly relay?: 'always' | 'when-public' | 'never'
  /** Relayed bytes a second of all peers together, both directions. @default 16 MiB with `relay: 'always'`, else 2 MiB */
  readonly relayBytesPerSecond?: number
  /** Find peers on the LAN by mDNS. @default false */
  readonly mdns?: boolean
  /** Learn of advertisements from connected peers, beside the DHT. @default true */
  readonly peerExchange?: boolean
  /** File descriptors of the process (`ulimit -n`): the bounds on connections follow it. @default enough for 1,000 connections */
  readonly maxOpenFiles?: number
  /** Clock, for tests. @default Date.now */
  readonly now?: () => number
}

/** Advertisements that were verified: one a peer, the highest sequence number wins. Bounded, kept on disk. */
export interface AdvertisementBook {
  /** The newest advertisement of this peer, expired or not. */
  get(peer: PeerId): Advertisement | undefined
  /** Expired ones included: they are hints whom to dial. Check `isExpired`. */
  all(): readonly Advertisement[]
  /** How this peer is known. `undefined`: no advertisement of it is kept. */
  acquaintance(peer: PeerId): Acquaintance | undefined
  /** Notes that this peer answered a request: no flood of others evicts its advertisement. */
  answered(peer: PeerId): void
  /**
   * Verifies an envelope and keeps it if it is new.
   * @throws InferenceError `malformed` for a forged or impossible one, or one not signed by `expectedSigner`.
   * @returns the newest known of that signer: this one, or a newer one if this is a replay.
   */
  add(envelope: Uint8Array, expectedSigner?: PeerId): Promise<Advertisement>
  /** Called for each new or newer advertisement, and when a peer that was only heard of is met. Returns the unsubscriber. */
  onUpdate(listener: (advertisement: Advertisement) => void): () => void
}

/** How things stand with one bootstrap peer; `waiting` is the pause before it is dialled again. */
export type BootstrapState =
  | { readonly address: string; readonly status: 'connected' }
  | { readonly address: string; readonly status: 'dialing' }
  | { readonly address: string; readonly status: 'waiting'; readonly lastError: string }

/** A host's part in relaying. */
export interface RelayingState {
  /** What it relays for others. Absent while it does not. */
  readonly use?: RelayUse
  /** Relays that it is reached through. None where it is reached directly. */
  readonly held: readonly {
    readonly relay: string
    readonly addresses: readonly string[]
    readonly expiresAtMs: number
  }[]
}

/** Whether the host has found the others, and if not, why. */
export type JoinResult =
  | { readonly joined: true }
  | { readonly joined: false; readonly reasons: readonly string[] }

/** How long to wait for the others. */
export interface JoinOptions extends AbortOptions {
  /** @default 2000 */
  readonly timeoutMs?: number
}

/** How long to wait for others to dial back. */
export interface TestedOptions extends AbortOptions {
  /** @default 8000 */
  readonly timeoutMs?: number
}

/** One libp2p host with the DHT, the advertisement exchange and what they persist. */
export interface Host extends AsyncDisposable {
  readonly libp2p: Libp2p
  readonly peerId: PeerId
  readonly privateKey: PrivateKey
  readonly book: AdvertisementBook
  /** Where others reach this host, each ending in `/p2p/<peerId>`. */
  addresses(): readonly Multiaddr[]
  /** How others reach this host, with the evidence, as of now. */
  reachability(): Reachability
  /**
   * Waits until a public address of this host was dialled back, or all were refuted. Answers at once where it has none,
   * or was given no bootstrap peer to ask.
   */
  tested(options?: TestedOptions): Promise<Reachability>
  /** Subscribes to changes of the reachability. @returns unsubscribe */
  onReachability(listener: (reachability: Reachability) => void): () => void
  /** How a router between this host and the others maps connections, by what two connected peers see. */
  natKind(options?: AbortOptions): Promise<NatKind>
  /** What this host relays for others, and the relays it is reached through, as of now. */
  relaying(): RelayingState
  /**
   * Waits until others reach this host through a relay. Answers at once where it needs no relay, or was given no
   * bootstrap peer that could be one. Never rejects but for the signal.
   */
  relayed(options?: JoinOptions): Promise<void>
  /** One entry for each bootstrap peer given, as of now. */
  bootstrapPeers(): readonly BootstrapState[]
  /** Multiaddrs of public peers known for long, the longest first: as good a start as a bootstrap peer. */
  entryPoints(): readonly string[]
  /**
   * Waits for the first peer with whom the DHT can be asked. Answers at once where there is nobody to wait for: no
   * bootstrap peer, none known from before, no mDNS.
   */
  joined(options?: JoinOptions): Promise<JoinResult>
  /**
   * Dials an address that the user typed, whatever its scope.
   * @throws InferenceError `invalid_request` for no address, `dial_failed`, `stalled`.
   */
  connect(address: string, options?: AbortOptions): Promise<PeerId>
  /** Announces in the DHT that this peer provides `key`. Resolves when stored at one peer at least, or when there is nobody to store it at; then it is announced once there is. Repeated before it runs out. */
  provide(key: CID, options?: AbortOptions): Promise<void>
  /** Announces `key` no more. What others have stored of it ages out. */
  stopProviding(key: CID, options?: AbortOptions): Promise<void>
  /** Peers that provide `key`, as they are found. Their addresses are remembered for dialling. Ends at once with zero peers. */
  findProviders(key: CID, options?: AbortOptions): AsyncIterable<PeerId>
  /**
   * Asks the DHT where a peer is now, for one that was not reached at the addresses known of it.
   * @returns whether there is an address that was not known; it is remembered for dialling
   */
  findFreshAddresses(peer: PeerId, options?: AbortOptions): Promise<boolean>
  /**
   * Offers this advertisement (a sealed envelope) to whoever asks, from now on. With `notify` connected peers are told of
   * it, for a second and a half at most each. @default not told
   */
  offerAdvertisement(envelope: Uint8Array, options?: { readonly notify?: boolean }): Promise<void>
  /**
   * Asks a peer for its own advertisement, and takes in those it knows of others.
   * @returns `undefined` where it offers none.
   * @throws InferenceError `dial_failed`, `stalled`, `stream_reset`, `truncated`, `malformed`.
   */
  fetchAdvertisement(peer: PeerId, options?: AbortOptions): Promise<Advertisement | undefined>
}
