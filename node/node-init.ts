import type { Backend } from '../backend/index.ts'
import type { Host, HostInit } from '../host/index.ts'
import type { Ledger } from '../ledger/index.ts'
import type { Load, ModelAdvertisement, NodeState } from '../protocol/index.ts'
import type { AbortOptions } from '../timing/index.ts'
import type { LiveNodeSettings } from './live-settings.ts'
import type { EngineState } from './node-status.ts'
import type { ServedRequest } from './serve/index.ts'
import type { NodeLimits } from './settings.ts'

/** The engine, the part of it to share, and the peers to serve. */
export interface NodeInit extends NodeLimits, LiveNodeSettings {
  readonly host: Omit<HostInit, 'dht'>
  /** The engine. Not closed with the node: its creator closes it. */
  readonly backend: Backend
  /** Starts although the engine has no model yet; one that it gets later is shared. @default false */
  readonly startEmpty?: boolean
  /** Requests that the engine works on at a time. @default as reported by the engine */
  readonly slots?: number
  /** Free text in the advertisement, unproven. @default empty */
  readonly operator?: string
  /**
   * Peer id, usually a client's, to which this node's work is credited. It is public: each receipt names it. Receipts
   * that it signed count like a friend's. @default this node itself
   */
  readonly creditTo?: string
  /** Peer ids whose receipts count like this node's own: peers that served them have priority over strangers. @default empty */
  readonly friends?: readonly string[]
  /**
   * The owner's word on a peer, read for each request: a denied peer is not served, as with `deny`; a trusted one is
   * served before strangers. @default none
   */
  readonly markOf?: (peer: string) => 'denied' | 'trusted' | undefined
  /** Called when the engine stops answering, and when it answers again. Must not throw. */
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
  /** Receipts for what it served, and of its friends. Closed with the node. */
  readonly ledger: Ledger
  /** Whether a request would be admitted now, as reported in probes. */
  state(): NodeState
  /** Models served now. */
  models(): readonly ModelAdvertisement[]
  /**
   * Replaces what is shared, and advertises it at once: ids or aliases, `undefined` for all models of the engine. Requests
   * that run go on.
   *
   * @throws InferenceError `model_not_found` for a name that the engine does not have
   */
  share(models: readonly string[] | undefined, options?: AbortOptions): Promise<void>
  /** Asks the engine for its models again, and advertises what changed. What was chosen to be shared holds. */
  refresh(options?: AbortOptions): Promise<void>
  /** Requests running and queued now, as reported in probes and terminal frames. */
  load(): Load
  /**
   * Replaces these settings, those that are left out by their defaults, for requests that arrive later, and advertises
   * what changed. Running requests go on.
   *
   * @throws InferenceError, having changed nothing: `model_not_found` for a name in `share` that the engine does not
   *   have, `invalid_request` for an invalid peer id, `engine_failed` when the engine cannot be asked
   */
  update(settings: LiveNodeSettings): Promise<void>
  /**
   * Withdraws, refuses new work with `draining`, finishes what runs, then stops the node and its host. What still runs
   * when the signal fires or the limit passes fails with `draining`. Never rejects for that.
   */
  drain(options?: AbortOptions): Promise<void>
}
