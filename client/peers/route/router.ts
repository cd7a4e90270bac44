import type { ErrorCode, Load } from '../../../protocol/index.ts'
import type { Clock } from '../../../timing/index.ts'
import type { RouteCandidate } from '../../request/index.ts'
import type { LoadPool } from '../probe/index.ts'
/** What choosing needs to know of a request. */
export interface RouteRequest {
  readonly promptTokens: number
  /** Tokens that the answer may have; 0 where the caller did not say. */
  readonly answerTokens: number
  /** Same for all turns of one conversation. Absent: no affinity. */
  readonly affinity: string | undefined
  /** A part of larger work: goes where the least is to do for the peer's size, not to one of two at random. @default false */
  readonly spread?: boolean
  /** Peers that work on this request already, or have: those of other operators and subnets come first. */
  readonly apart: readonly RouteCandidate[]
  /** A peer failed this request: those that have answered before come first, and no newcomer gets a share. @default false */
  readonly again?: boolean
}

/** What an attempt that answered took. */
export interface AnswerTimes {
  /** Attempt begun → first visible piece. */
  readonly ttftMs: number
  /** By the peer's word. */
  readonly prefillMs: number
  readonly promptTokens: number
  readonly cachedPromptTokens: number
  readonly completionTokens: number
  /** First visible piece → end, waiting for the consumer not included. */
  readonly decodeMs: number
}

/** What is known of peers by audits. */
export interface Trust {
  /** 0.1 … 1, a draw: divides the cost. */
  weight(candidate: RouteCandidate): number
  /** Whether it has shown to be what it says. */
  isProven(candidate: RouteCandidate): boolean
  /** 0.1 … 1: what became of earlier newcomers from these networks. @default 1 for all */
  readonly networkCredit?: (networks: readonly string[]) => number
}

/** What a router hangs on. */
export interface RouterInit {
  /** Its wall time running ahead of its monotonic one shows that the machine slept. */
  readonly clock: Clock
  /** From 0, below 1. */
  readonly random: () => number
  /** What audits say of peers. @default nothing is known of anybody */
  readonly trust?: Trust
  /** Called for each peer that gave an answer. @default does nothing */
  readonly onAnswered?: (peer: string) => void
  /** The client's own, secret: where its conversations go is not for others to foretell. */
  readonly salt: Uint8Array
}

/** Chooses peers, and learns from what they do. */
export interface Router {
  /** The tier of a candidate now; see `tierOf`. */
  tier(candidate: RouteCandidate, request: RouteRequest): number
  /** @returns one of the candidates; nothing for none */
  choose<T extends RouteCandidate>(candidates: readonly T[], request: RouteRequest): T | undefined
  /**
   * After how long without a first piece this peer is slower than 95 % of such answers.
   *
   * @param others that could take the request: how fast they would be bounds the wait for a slow peer. @default none
   */
  hedgeAfterMs(
    candidate: RouteCandidate,
    request: RouteRequest,
    others?: readonly RouteCandidate[],
  ): number
  /** Whether fresh samples say that a further attempt would only take a place from somebody else. */
  saturated(candidates: readonly RouteCandidate[]): boolean
  /** An attempt begins; disposing ends it. */
  enter(candidate: RouteCandidate): Disposable
  /** A complete answer, or the part of one that was superseded after its first piece. */
  answered(candidate: RouteCandidate, request: RouteRequest, times: AnswerTimes): void
  /** The attempt got its first visible piece. */
  began(candidate: RouteCandidate, request: RouteRequest, ttftMs: number): void
  /**
   * The attempt was called off before its first piece, as another was faster: it would have taken longer than it was
   * given. Without this a slow peer that always loses would never be known as slow.
   */
  outpaced(candidate: RouteCandidate, request: RouteRequest, waitedMs: number): void
  failed(candidate: RouteCandidate, code: ErrorCode): void
  /** A connection to the peer was lost, or came about. */
  connected(peer: string, isConnected: boolean): void
  observeRtt(peer: string, rttMs: number): void
  observeLoad(peer: string, load: Load): void
  /** Fresh samples of load, for whoever asks for them. */
  readonly pool: LoadPool
  /** Whether the peer is left alone for a while, having failed again and again. */
  isEjected(peer: string): boolean
  /** Requests of ours under way. */
  readonly inFlight: number
  /** Stops the watch over the clock. */
  close(): void
}
