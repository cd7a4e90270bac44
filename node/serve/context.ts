import type { Logger } from '@libp2p/interface'
import type { Backend } from '../../backend/index.ts'
import type { ServedLog } from '../../ledger/index.ts'
import type {
  ByteBudget,
  ErrorCode,
  InferenceKind,
  TraceContext,
  Usage,
} from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { AccessLists, Fairness, Gate, Pacer, PeerLedger } from '../admission/index.ts'
import type { NodeStatus } from '../node-status.ts'
import type { ResolvedLimits } from '../settings.ts'
import type { SharedModels } from '../shared-models.ts'
import type { KeptStreams } from './kept-streams.ts'

/** Record of one request, for logs, metrics and tests. */
export interface ServedRequest {
  readonly peerId: string
  /** Absent if the request failed before it was known. */
  readonly model?: string
  readonly kind?: InferenceKind
  readonly outcome: 'answered' | ErrorCode
  /** Reason of the failure, for the operator; the client gets less detail. Absent if the request was answered. */
  readonly reason?: string
  readonly usage?: Usage
  readonly queueMs?: number
  readonly ttftMs?: number
  readonly durationMs: number
  /** The caller's span, if it sent one: only within a private swarm, or one with members. */
  readonly trace?: TraceContext
}

/** State that the handlers of a node share. */
export interface ServeContext {
  readonly backend: Pick<Backend, 'infer'>
  readonly models: Pick<SharedModels, 'resolve'>
  readonly status: Pick<NodeStatus, 'loadFor' | 'isOpen' | 'checkOpen' | 'refresh'>
  readonly gate: Gate
  readonly fairness: Fairness
  /** Served work for which clients may ask a receipt. */
  readonly served: ServedLog
  readonly peers: PeerLedger
  readonly probes: PeerLedger
  readonly kept: KeptStreams
  readonly memory: ByteBudget
  readonly pacer: Pacer
  readonly access: AccessLists
  readonly limits: ResolvedLimits
  /** Longest answer in tokens. 0: no bound. */
  readonly maxTokens: number
  /** Fires when the node stops; ends running requests. */
  readonly signal: AbortSignal
  /** Whether traces of callers are believed. */
  readonly acceptsTraces: boolean
  readonly clock: Clock
  readonly log: Logger
  readonly onRequest: (request: ServedRequest) => void
}
