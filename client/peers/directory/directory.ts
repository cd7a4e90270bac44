import type { PeerId } from '@libp2p/interface'
import type { Acquaintance, Host } from '../../../host/index.ts'
import type { Advertisement } from '../../../protocol/index.ts'
import type { Clock } from '../../../timing/index.ts'
import type { Candidate, DiscoveryLimits, Query } from '../../request/index.ts'

export type DirectoryHost = Pick<
  Host,
  'book' | 'fetchAdvertisement' | 'findProviders' | 'joined' | 'peerId'
>

/** The part of the host that explains why no peer serves a model: its open connections and its bootstrap peers. */
export type SwarmHost = Pick<Host, 'bootstrapPeers'> & {
  readonly libp2p: Pick<Host['libp2p'], 'getPeers'>
}

export interface DirectoryInit {
  readonly host: DirectoryHost
  readonly limits: DiscoveryLimits
  /** Whether a connection to the peer is open. */
  readonly isConnected: (peerId: PeerId) => boolean
  readonly clock: Clock
  readonly random: () => number
}

/** Knows peers by their advertisements and finds more in the DHT. It decides eligibility only and ignores load. */
export interface Directory {
  /**
   * The candidates for a query, from what is known now. If the last look-up of the model is old, starts one in the
   * background.
   */
  candidates(query: Query): readonly Candidate[]
  /** A candidate failed or has no room: looks for others in the background, unless a look-up has just ended. */
  failed(query: Query): void
  /**
   * Waits until `accept` accepts the candidates, while a look-up runs in the DHT. A look-up that has just ended is not
   * repeated unless `again` says that its result is of no use now.
   *
   * @returns false when the look-up ended and the candidates were not accepted
   * @throws the signal's reason
   */
  discover(
    query: Query,
    accept: (candidates: readonly Candidate[]) => boolean,
    options: { readonly signal: AbortSignal; readonly again: boolean },
  ): Promise<boolean>
  /** Every advertisement in force that is known now. */
  known(): readonly Advertisement[]
  /** How a peer is known: met if its advertisement came from the peer itself, or if a connection to it is open. */
  acquaintanceOf(peerId: PeerId): Acquaintance
  /**
   * Every advertisement in force, of all nodes that can be found in time and that gave a sign of life now or a few
   * seconds ago. After the first list it waits for peers that are silent only if no other answers; `complete` waits for
   * the whole look-up.
   */
  enumerate(options: {
    readonly signal: AbortSignal
    readonly complete?: boolean
  }): Promise<readonly Advertisement[]>
  /** Whether the peer gave no answer when it was last asked for its advertisement. */
  isSilent(peer: string): boolean
  /** When the last connection to a peer closed, by the clock. Undefined if one is open, or none ever was. */
  lostAtMs(peer: string): number | undefined
  /** The first connection to a peer opened, or its last one closed. */
  connection(peer: string, isConnected: boolean): void
  /** Ends the running look-ups. */
  close(): Promise<void>
}
