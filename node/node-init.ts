import type { Backend } from '../backend/index.ts'
import type { Host, HostInit } from '../host/index.ts'
import type { Load, ModelAdvertisement, NodeState } from '../protocol/index.ts'
import type { EngineState } from './node-status.ts'
import type { ServedRequest } from './serve/index.ts'
import type { NodeLimits } from './settings.ts'

/** Lets the caller give up waiting: the call rejects with `signal.reason`, except where it says otherwise. */
export interface AbortOptions {
  readonly signal?: AbortSignal
}

/** An engine, what of it is given away, and to whom. */
export interface NodeInit extends NodeLimits {
  readonly host: Omit<HostInit, 'dht'>
  /** The engine. Not closed with the node: whoever made it ends it. */
  readonly backend: Backend
  /** Ids or aliases of the models to give away. @default everything that the backend has */
  readonly share?: readonly string[]
  /** Requests that the engine works on at a time. @default what the engine says of itself */
  readonly slots?: number
  /** Ceiling over all answers together: answers slow down, none is refused. @default none */
  readonly maxTokensPerSecond?: number
  /** Longest answer in tokens. @default none but the context length */
  readonly maxTokens?: number
  /** Free text in the advertisement, unproven. @default none */
  readonly operator?: string
  /** Peer ids that are served. @default everybody */
  readonly allow?: readonly string[]
  /** Peer ids that are not served. Wins over `allow`. @default nobody */
  readonly deny?: readonly string[]
  /**
   * Peer id, of a client commonly, that the work of this node is credited to. It is named in each receipt, for all to
   * see. Its word counts like a friend's. @default this node itself
   */
  readonly creditTo?: string
  /** Peer ids whose receipts count like this node's own: whom they were served by comes before strangers. @default none */
  readonly friends?: readonly string[]
  /** Called when the engine does not answer any more, and when it answers again. Must not throw. */
  readonly onEngine?: (state: EngineState) => void
  /** Called after each request, refused ones included. */
  readonly onRequest?: (request: ServedRequest) => void
  /** Clock, for tests. @default Date.now */
  readonly now?: () => number
  /** Randomness of schedules, for tests. From [0, 1). @default Math.random */
  readonly random?: () => number
}

/** A contributor peer. Disposing of it stops it at once; `drain` lets it finish. */
export interface Node extends AsyncDisposable {
  readonly host: Host
  /** Whether a request that comes now would be taken: what probes are told. */
  state(): NodeState
  /** What is served now. */
  models(): readonly ModelAdvertisement[]
  /** What runs and waits at this moment, as probes and terminal frames tell it. */
  load(): Load
  /**
   * Withdraws, refuses new work with `draining`, finishes what runs, then stops the node and its host. What still runs
   * when the signal fires or the limit passes fails with `draining`. Never rejects for that.
   */
  drain(options?: AbortOptions): Promise<void>
}
