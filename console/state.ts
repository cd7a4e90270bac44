import type { RequestEvent, RunningRequest } from '../client/index.ts'
import type { KeyRights } from '../gateway/index.ts'
import type { Load, NodeState, ResumeSupport } from '../protocol/index.ts'

/** Pages of the console. A process shows those that it has something for. */
export type ConsolePage =
  | 'batches'
  | 'join'
  | 'keys'
  | 'log'
  | 'models'
  | 'peers'
  | 'playground'
  | 'requests'
  | 'survival'

/** This machine. */
export interface SelfView {
  readonly peerId: string
  readonly version: string
  /** Milliseconds since 1970. */
  readonly startedAtMs: number
  /** `public`, the short name of a private swarm, or the name of one with members; several are separated by commas. */
  readonly swarm: string
  readonly reachability: string
  readonly advice?: string
  readonly addresses: readonly string[]
  /** Ids of the models that it shares. */
  readonly shares: readonly string[]
  readonly load?: Load
  /** Pages that are hidden, because they would stay empty in this process. @default none */
  readonly absent?: readonly ConsolePage[]
  /** Prompts are kept in memory, and shown with their requests. @default false */
  readonly recordsPrompts?: boolean
}

/** How a peer stands with this client. */
export interface StandingView {
  readonly state: 'newcomer' | 'proven' | 'suspect' | 'quarantined'
  readonly audits: number
  /** For each set of weights. */
  readonly evidence: readonly {
    /** The beginning of their digest. */
    readonly weights: string
    readonly words: string
    readonly strikes: number
    /** 0 … 1 */
    readonly quality: number
    /** Share of its next answers that are audited. */
    readonly auditRate: number
  }[]
}

/** A peer that serves models, or one that only introduces and relays. */
export interface PeerView {
  readonly peerId: string
  /** Absent if the client is in one swarm only. */
  readonly swarm?: string
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
  /** That it advertises. */
  readonly addresses: readonly string[]
  /** Over what its connection or its addresses lead. Absent if it advertises nothing. */
  readonly reachability?: 'lan' | 'public' | 'relayed' | 'unknown'
  /** As it tells it. */
  readonly version?: string
  readonly rttMs?: number
  readonly slots: number
  readonly state?: NodeState
  readonly load?: Load
  /** Why it did not answer a probe. */
  readonly error?: string
  readonly standing: StandingView
  /** The owner's word on it. */
  readonly mark?: 'denied' | 'trusted'
  /** Receipts of the last two weeks: for its answers, and for answers to it. Absent without any. */
  readonly receipts?: { readonly given: number; readonly received: number }
}

/** What one model survives. */
export interface ModelView {
  /** As requests name it. */
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
  | ({ readonly status: 'running' } & RunningRequest & Recorded)
  | ({ readonly status: 'ended' } & RequestEvent & Recorded)

interface Recorded {
  /** Only if prompts are recorded; cut to the limit. */
  readonly prompt?: string
}

/** One line of the log. */
export interface LogLine {
  readonly id: number
  /** Milliseconds since 1970. */
  readonly atMs: number
  readonly level: 'error' | 'info' | 'warn'
  readonly text: string
  /** What to do next. */
  readonly advice?: string
}

/** A model of this machine. */
export interface HereModel {
  /** As actions take it. */
  readonly name: string
  readonly id: string
  /** On disk; 0 if unknown. */
  readonly bytes: number
  readonly sha256?: string
  /** What it was downloaded from; empty if unknown. */
  readonly source: string
  readonly state: 'partial' | 'on-disk' | 'loading' | 'loaded' | 'running'
  readonly isShared: boolean
  readonly memoryBytes?: number
  /** Measured time to load it. */
  readonly coldStartMs?: number
  /** Why it can never be loaded as things are, and what to do. */
  readonly refusal?: string
  /** While it is loaded: 0 to 1. */
  readonly loadShare?: number
}

/** A download that runs or has failed. */
export interface HerePull {
  readonly source: string
  readonly status: string
  readonly receivedBytes: number
  /** 0 if unknown. */
  readonly totalBytes: number
  readonly error?: string
}

/** The models of this machine and its engine. */
export interface HereView {
  readonly engine: string
  readonly canPull: boolean
  readonly canRemove: boolean
  readonly models: readonly HereModel[]
  readonly pulls: readonly HerePull[]
}

/** A batch of this gateway. */
export interface BatchView {
  readonly id: string
  readonly endpoint: string
  readonly status: string
  /** Seconds since 1970. */
  readonly createdAt: number
  readonly counts: { readonly total: number; readonly completed: number; readonly failed: number }
  /** The first errors of its file. */
  readonly errors: readonly string[]
  /** Ids of files with results. */
  readonly outputFile?: string
  readonly errorFile?: string
}

/** An API key of this gateway, without its secret. */
export interface KeyView extends KeyRights {
  readonly name: string
  /** It may do everything. */
  readonly opensConsole: boolean
}

/** Changes of a key's rights: `null` takes a restriction away. */
export type RightsChange = {
  readonly [Right in keyof KeyRights]?: KeyRights[Right] | null | undefined
}

/** How another machine joins. */
export interface JoinView {
  /** The command line. Absent if no address of this machine can be reached. */
  readonly command?: string
  /** Of a private swarm. */
  readonly invite?: string
  /** The swarm is private, and its invite is not shown to this reader; nor are `command` and `code`, which have it. */
  readonly isInviteHidden?: boolean
  readonly addresses: readonly string[]
  /** Where the API is served, and to whom. Absent without a gateway. */
  readonly api?: {
    readonly url: string
    /** Only to programs on this machine. */
    readonly isLocal: boolean
    /** 0: none is required. */
    readonly keys: number
  }
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
  /** Absent if this process has no models of its own. */
  readonly here?: HereView | undefined
  /** Newest first. */
  readonly batches: readonly BatchView[]
  /** Absent without a gateway. */
  readonly keys?: readonly KeyView[] | undefined
}

/** Parts of the state that are replaced whole. */
export type Section = 'batches' | 'here' | 'join' | 'keys' | 'models' | 'peers' | 'self'

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
