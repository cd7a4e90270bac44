import type { RequestEvent, RunningRequest } from '../client/index.ts'
import type { Load, NodeState, ResumeSupport } from '../protocol/index.ts'

/** This machine. */
export interface SelfView {
  readonly peerId: string
  readonly version: string
  /** Milliseconds since 1970. */
  readonly startedAtMs: number
  /** `public`, or the short name of a private swarm. */
  readonly swarm: string
  readonly reachability: string
  readonly advice?: string
  readonly addresses: readonly string[]
  /** Ids of the models that it shares. */
  readonly shares: readonly string[]
  readonly load?: Load
}

/** How a peer stands with this client. */
export interface StandingView {
  readonly state: 'newcomer' | 'proven' | 'suspect' | 'quarantined'
  readonly audits: number
  /** The evidence, one line for each set of weights. */
  readonly words: readonly string[]
}

/** A peer that serves models, or one that only introduces and relays. */
export interface PeerView {
  readonly peerId: string
  readonly isSelf: boolean
  readonly models: readonly string[]
  /** Free text, unverified. */
  readonly operator: string
  readonly connected: boolean
  /** How this machine reaches it. */
  readonly path: 'self' | 'direct' | 'relayed' | 'unknown'
  /** The relay's peer id. */
  readonly relay?: string
  readonly address?: string
  /** The public networks of its addresses; `local network` without one. */
  readonly network: string
  readonly rttMs?: number
  readonly slots: number
  readonly state?: NodeState
  readonly load?: Load
  /** Why it did not answer a probe. */
  readonly error?: string
  readonly standing: StandingView
}

/** What one model survives. */
export interface ModelView {
  readonly id: string
  readonly aliases: readonly string[]
  readonly contextLength: number
  /** More than one: peers serve different weights under this id. */
  readonly weights: number
  /** The best support among its peers: how a broken answer continues at another. */
  readonly resume: ResumeSupport
  /** Peer ids. */
  readonly peers: readonly string[]
  /** How many of each may fail at once while the model is still served. Without relays in use: absent. */
  readonly spare: { readonly peers: number; readonly networks: number; readonly relays?: number }
  /** Names of the caller's own providers that have it, and of aliases that may lead elsewhere. */
  readonly fallbacks: readonly string[]
}

/** A request, running or ended. */
export type RequestView =
  | ({ readonly status: 'running' } & RunningRequest)
  | ({ readonly status: 'ended' } & RequestEvent)

/** One line of the log. */
export interface LogLine {
  readonly id: number
  /** Milliseconds since 1970. */
  readonly atMs: number
  readonly text: string
}

/** How another machine joins. */
export interface JoinView {
  /** The command line. Absent if no address of this machine can be reached. */
  readonly command?: string
  /** Of a private swarm. */
  readonly invite?: string
  readonly addresses: readonly string[]
  /** The command as a QR code: a path of squares, `size` units wide. */
  readonly code?: { readonly size: number; readonly path: string }
}

/** Everything that the console shows. */
export interface ConsoleState {
  readonly self: SelfView
  readonly peers: readonly PeerView[]
  readonly models: readonly ModelView[]
  /** Newest first. */
  readonly requests: readonly RequestView[]
  /** Oldest first. */
  readonly log: readonly LogLine[]
  readonly join: JoinView
}

/** Parts of the state that are replaced whole. */
export type Section = 'join' | 'models' | 'peers' | 'self'

/** One message of the event stream: first everything, then what changed. */
export type ConsoleMessage =
  | { readonly type: 'snapshot'; readonly state: ConsoleState }
  | {
      readonly type: 'changes'
      readonly sections: Partial<Pick<ConsoleState, Section>>
      /** New and changed requests. */
      readonly requests: readonly RequestView[]
      /** New lines. */
      readonly log: readonly LogLine[]
    }
