import type { Connection, Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import type { Advertisement } from '../protocol/index.ts'
import type { AbortOptions } from '../timing/index.ts'
import type { Acquaintance } from './acquaintance.ts'
import type { DirectPathsState } from './direct-path/index.ts'
import type { HostMembership } from './members/index.ts'
import type { ClockReport } from './peer-clocks.ts'
import type { PortMapping } from './port-mapping/index.ts'
import type { NatKind, Reachability } from './reach/index.ts'
import type { RelayUse } from './relay/index.ts'

/** Options of a host. All but `dht` have defaults. */
export interface HostInit {
  /** `server` answers DHT queries and stores records; `client` only asks. */
  readonly dht: 'server' | 'client'
  /** Identity, datastore, known peers and advertisements live here. Without it no state outlives the process. */
  readonly dataDir?: string
  /**
   * If another running process uses `dataDir`: `fail` with DataDirLockedError, or run `ephemeral`, with an
   * identity and a datastore that end with the process, but still reading the advertisements kept there.
   * @default 'fail'
   */
  readonly whenLocked?: 'fail' | 'ephemeral'
  /**
   * Called on disk faults, with a message for the operator: state cannot be saved, is saved again, or a damaged file
   * was set aside. Must not throw. @default no call
   */
  readonly onFault?: (message: string) => void
  /** Version of the program, sent to connected peers as `skein/VERSION`. @default not sent */
  readonly version?: string
  /** Multiaddrs to listen on. A port of 0 is picked once and kept across restarts. @default none for clients, all interfaces (TCP and WebSockets) for servers */
  readonly listen?: readonly string[]
  /**
   * Multiaddrs announced in addition to those that the host finds: of a forwarded port, of the machine around a
   * container, of a name (`/dns4/…`). @default none
   */
  readonly announce?: readonly string[]
  /** Networks (`10.0.0.0/8`, `fd00::/8`) whose addresses are never announced. @default none */
  readonly noAnnounce?: readonly string[]
  /** Multiaddrs of bootstrap peers, each ending in `/p2p/…`, or a name of several (`/dnsaddr/…`). Dialled with backoff for ever. @default none */
  readonly bootstrap?: readonly string[]
  /** Pre-shared key of a private swarm (libp2p's text format). @default none: the public swarm */
  readonly swarmKey?: Uint8Array
  /**
   * Directory of a membership, as `joinSwarm` and `skein join` write it: only members of that swarm are talked to. It
   * brings the pre-shared key, the name, and addresses to join through. @default none
   */
  readonly membership?: string
  /**
   * Whether this host relays for peers that cannot be reached otherwise: always, while it has a public address, or
   * never. @default 'never'
   */
  readonly relay?: 'always' | 'when-public' | 'never'
  /** Relayed bytes a second of all peers together, both directions. @default 16 MiB with `relay: 'always'`, else 2 MiB */
  readonly relayBytesPerSecond?: number
  /**
   * Name of the swarm, given in advertisements: mDNS finds only peers of the same name. Letters, digits, `-`, `_`, `.`.
   * @default after the first bootstrap peer, or that of the swarm key; without either none, the swarm of the LAN
   */
  readonly swarmName?: string
  /** Without a name and without bootstrap peers: begin a swarm named after this peer, not that of the LAN. @default false */
  readonly ownSwarm?: boolean
  /** Find peers of the swarm on the LAN by mDNS. @default false */
  readonly mdns?: boolean
  /**
   * Have a router forward a port by NAT-PMP or UPnP, once peers outside see this host behind one. Only where it listens.
   * @default false
   */
  readonly portMapping?: boolean
  /**
   * Open direct paths to peers that are reached through relays, by WebRTC; on a host that always relays, tell others the
   * sockets for that, at the UDP port with the number of its first TCP port. Takes the package `node-datachannel`, and
   * bootstrap peers that do the same.
   * @default false
   */
  readonly webrtc?: boolean
  /** Exchange advertisements with connected peers, in addition to the DHT. @default true */
  readonly peerExchange?: boolean
  /** File descriptors of the process (`ulimit -n`): the bounds on connections follow it. @default enough for 1,000 connections */
  readonly maxOpenFiles?: number
  /** Clock, for tests. @default Date.now */
  readonly now?: () => number
}

/** Verified advertisements, one for each peer: the highest sequence number wins. Bounded, stored on disk. */
export interface AdvertisementBook {
  /** The newest advertisement of this peer, expired or not. */
  get(peer: PeerId): Advertisement | undefined
  /** Includes expired ones, as hints of peers to dial. Check `isExpired`. */
  all(): readonly Advertisement[]
  /** How this peer is known. `undefined`: no advertisement of it is kept. */
  acquaintance(peer: PeerId): Acquaintance | undefined
  /**
   * Records that a peer answered a request, so that no flood of other peers evicts its advertisement.
   *
   * @param peer its id as text
   */
  answered(peer: string): void
  /**
   * Verifies an envelope and keeps it if it is new.
   * @throws InferenceError `malformed` for a forged or invalid one, or one not signed by `expectedSigner`.
   * @returns the newest known of that signer: this one, or a newer one if this is a replay.
   */
  add(envelope: Uint8Array, expectedSigner?: PeerId): Promise<Advertisement>
  /** Called for each new or newer advertisement, and when a peer known by hearsay is met. @returns unsubscribe */
  onUpdate(listener: (advertisement: Advertisement) => void): () => void
}

/** State of one bootstrap peer; `waiting`: pause before the next dial. While it is dialled again, `lastError` is that of the previous dial. */
export type BootstrapState =
  | { readonly address: string; readonly status: 'connected' }
  | { readonly address: string; readonly status: 'dialing'; readonly lastError?: string }
  | { readonly address: string; readonly status: 'waiting'; readonly lastError: string }

/** A host's part in relaying. */
export interface RelayingState {
  /** Use of this host as a relay. Absent while it does not relay. */
  readonly use?: RelayUse
  /** Relays through which it is reached. Empty if it is reached directly. */
  readonly held: readonly {
    readonly relay: string
    readonly addresses: readonly string[]
    readonly expiresAtMs: number
  }[]
}

/** Whether the host has joined the swarm, and if not, why. */
export type JoinResult =
  | { readonly joined: true }
  | { readonly joined: false; readonly reasons: readonly string[] }

/** Time limit for joining. */
export interface JoinOptions extends AbortOptions {
  /** @default 2000 */
  readonly timeoutMs?: number
}

/** Time limit for dial-back. */
export interface TestedOptions extends AbortOptions {
  /** @default 8000 */
  readonly timeoutMs?: number
}

/** A libp2p host with DHT, advertisement exchange and their stored state. */
export interface Host extends AsyncDisposable {
  readonly libp2p: Libp2p
  readonly peerId: PeerId
  readonly privateKey: PrivateKey
  readonly book: AdvertisementBook
  /** Name of the swarm; empty for the swarm of the LAN. */
  readonly swarmName: string
  /** Whether the swarm has a key or members, so that its peers are known to its owner. */
  readonly isPrivate: boolean
  /** In a swarm with members: this machine's part in it. */
  readonly membership?: HostMembership
  /** Where others reach this host, each ending in `/p2p/<peerId>`. */
  addresses(): readonly Multiaddr[]
  /** Whether this machine's wall clock agrees with those of the peers that were met lately. */
  clock(): ClockReport
  /** Current reachability of this host, with the evidence. */
  reachability(): Reachability
  /**
   * Waits until a public address of this host was dialled back, or all were refuted. Returns at once if it has none,
   * or was given no bootstrap peer to ask.
   */
  tested(options?: TestedOptions): Promise<Reachability>
  /** Subscribes to changes of the reachability. @returns unsubscribe */
  onReachability(listener: (reachability: Reachability) => void): () => void
  /** Whether a router forwards a port to this host on request. Waits for the first try, 16 s by default. */
  portMapping(options?: JoinOptions): Promise<PortMapping>
  /** Whether this host opens direct paths between NATs, and how many are open. */
  directPaths(): DirectPathsState
  /** How a router maps this host's connections, as two connected peers see them. */
  natKind(options?: AbortOptions): Promise<NatKind>
  /** Current use of this host as a relay, and the relays through which it is reached. */
  relaying(): RelayingState
  /**
   * Waits until this host is reachable through a relay. Returns at once if it needs none, or was given no
   * bootstrap peer that could be one. Rejects only if the signal fires.
   */
  relayed(options?: JoinOptions): Promise<void>
  /**
   * Ends a connection over which the peer went silent. For a minute, dials through its relay are tried after all others.
   */
  avoid(connection: Connection): void
  /** One entry for each bootstrap peer given, as of now. */
  bootstrapPeers(): readonly BootstrapState[]
  /** Multiaddrs of public peers known for long, the longest first: usable as bootstrap peers. */
  entryPoints(): readonly string[]
  /**
   * Waits for the first peer through which the DHT can be queried. Returns at once if no peer is expected: no
   * bootstrap peer, none known from before, no mDNS.
   */
  joined(options?: JoinOptions): Promise<JoinResult>
  /**
   * Dials an address that the user entered, in any scope.
   * @throws InferenceError `invalid_request` for an invalid address, `dial_failed`, `stalled`.
   */
  connect(address: string, options?: AbortOptions): Promise<PeerId>
  /** Announces in the DHT that this peer provides `key`. Resolves when stored at one peer at least, or at once if no peer can store it; then it is announced when one can. Renewed before it expires. */
  provide(key: CID, options?: AbortOptions): Promise<void>
  /** Stops providing `key`. Records stored at other peers expire. */
  stopProviding(key: CID, options?: AbortOptions): Promise<void>
  /** Peers that provide `key`, as they are found. Their addresses are stored for dialling. Ends at once if no peer is known. */
  findProviders(key: CID, options?: AbortOptions): AsyncIterable<PeerId>
  /**
   * Looks up the current addresses of a peer in the DHT, for one that was not reached at its known addresses.
   * @returns whether a new address was found; it is stored for dialling
   */
  findFreshAddresses(peer: PeerId, options?: AbortOptions): Promise<boolean>
  /**
   * Serves this advertisement (a sealed envelope) to peers that ask, from now on. With `notify` it is also pushed to
   * connected peers, for at most 1.5 s each. @default no push
   */
  offerAdvertisement(envelope: Uint8Array, options?: { readonly notify?: boolean }): Promise<void>
  /**
   * Fetches a peer's own advertisement, and adds those it shares of others to the book.
   * @returns `undefined` if it has none.
   * @throws InferenceError `dial_failed`, `stalled`, `stream_reset`, `truncated`, `malformed`.
   */
  fetchAdvertisement(peer: PeerId, options?: AbortOptions): Promise<Advertisement | undefined>
  /**
   * A view of this host in which it is a peer among others: what it advertises is found, and its own protocols are
   * asked in memory. For a client on a node's host. Disposing of the view does nothing.
   */
  includingSelf(): Host
}
