import type { ErrorCode, Load } from '../../../protocol/index.ts'
import type { Clock } from '../../../timing/index.ts'
import type { RouteCandidate } from '../../request/index.ts'
import type { PeerPath } from '../peer-paths.ts'
import type { LoadPool } from '../probe/index.ts'

/** What a choice needs to know about a request. */
export interface RouteRequest {
  readonly promptTokens: number
  /** Tokens that the answer may have; 0 if the caller set no bound. */
  readonly answerTokens: number
  /** The same for all turns of one conversation. Absent: no affinity. */
  readonly affinity: string | undefined
  /**
   * A part of larger work: it goes to the peer with the least load for its size, not to one of two at random. @default
   * false
   */
  readonly spread?: boolean
  /** Peers that work or have worked on this request: candidates of other operators and subnets come first. */
  readonly apart: readonly RouteCandidate[]
  /**
   * A peer failed this request: peers that have answered before come first, and no newcomer gets a share. @default
   * false
   */
  readonly again?: boolean
}

/** The times and tokens of an attempt that was answered. */
export interface AnswerTimes {
  /** Start of the attempt → first visible piece. */
  readonly ttftMs: number
  /** As reported by the peer. */
  readonly prefillMs: number
  readonly promptTokens: number
  readonly cachedPromptTokens: number
  readonly completionTokens: number
  /** First visible piece → end, without the time spent waiting for the consumer. */
  readonly decodeMs: number
}

/** What audits show about peers. */
export interface Trust {
  /** 0.1 … 1, a draw: divides the cost. */
  weight(candidate: RouteCandidate): number
  /** Whether audits confirmed what the peer claims. */
  isProven(candidate: RouteCandidate): boolean
  /** 0.1 … 1: how earlier newcomers from these networks turned out. @default 1 for all */
  readonly networkCredit?: (networks: readonly string[]) => number
}

/** The dependencies of a router. */
export interface RouterInit {
  /** If its wall time runs ahead of its monotonic time, the machine slept. */
  readonly clock: Clock
  /** From 0, below 1. */
  readonly random: () => number
  /** What audits show about peers. @default nothing is known of any peer */
  readonly trust?: Trust
  /** How a connected peer is reached now; `undefined` while it is not connected. @default by its addresses */
  readonly pathTo?: (peer: string) => PeerPath | undefined
  /** Called for each peer that gave an answer. @default does nothing */
  readonly onAnswered?: (peer: string) => void
  /** The client's own secret: other parties must not predict where its conversations go. */
  readonly salt: Uint8Array
}

/** Chooses peers and learns from their answers and failures. */
export interface Router {
  /** The tier of a candidate now; see `tierOf`. */
  tier(candidate: RouteCandidate, request: RouteRequest): number
  /** @returns one of the candidates; undefined if there are no candidates */
  choose<T extends RouteCandidate>(candidates: readonly T[], request: RouteRequest): T | undefined
  /**
   * The time without a first piece after which this peer is slower than 95 % of such answers.
   *
   * @param others that could take the request: their predicted times bound the wait for a slow peer. @default none
   */
  hedgeAfterMs(
    candidate: RouteCandidate,
    request: RouteRequest,
    others?: readonly RouteCandidate[],
  ): number
  /** Predicted time to read this many prompt tokens at the peer: as measured, else as it claims. */
  prefillMs(candidate: RouteCandidate, tokens: number): number
  /** Predicted time to the first piece of this request at the peer. */
  expectedTtftMs(candidate: RouteCandidate, request: RouteRequest): number
  /**
   * Whether the peer may have a free slot: this client's own requests leave one, and no fresh sample shows otherwise.
   */
  mayHaveRoom(candidate: RouteCandidate): boolean
  /** Whether fresh samples show that a further attempt would only take a slot from another request. */
  saturated(candidates: readonly RouteCandidate[]): boolean
  /** An attempt starts; dispose the result when it ends. */
  enter(candidate: RouteCandidate): Disposable
  /** A complete answer, or the part of one that was superseded after its first piece. */
  answered(candidate: RouteCandidate, request: RouteRequest, times: AnswerTimes): void
  /** The attempt got its first visible piece. */
  began(candidate: RouteCandidate, request: RouteRequest, ttftMs: number): void
  /**
   * The attempt was called off before its first piece because another was faster: it would have taken longer than the
   * time it had. Without this a slow peer that always loses would never be known as slow.
   */
  outpaced(candidate: RouteCandidate, request: RouteRequest, waitedMs: number): void
  failed(candidate: RouteCandidate, code: ErrorCode): void
  /** The last connection to the peer closed, or the first one opened. */
  connected(peer: string, isConnected: boolean): void
  observeRtt(peer: string, rttMs: number): void
  observeLoad(peer: string, load: Load): void
  /** Fresh samples of load, for other modules that need them. */
  readonly pool: LoadPool
  /** Whether the peer is left out for a while after repeated failures. */
  isEjected(peer: string): boolean
  /** Our requests in flight. */
  readonly inFlight: number
  /** Stops watching the clock. */
  close(): void
}
