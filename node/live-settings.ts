import { type AccessLists, peerIdSet } from './admission/index.ts'

/** Settings that a node can take over while it runs. */
export interface LiveNodeSettings {
  /** Ids or aliases of the models to share. @default all models of the backend */
  readonly share?: readonly string[]
  /** Requests that wait for a slot. @default twice the slots, 8 at least */
  readonly maxQueue?: number
  /** Ceiling over all answers together: answers slow down, none is refused. @default no ceiling */
  readonly maxTokensPerSecond?: number
  /** Longest answer in tokens. @default the context length */
  readonly maxTokens?: number
  /** Peer ids that are served. @default all */
  readonly allow?: readonly string[]
  /** Peer ids that are not served. Takes precedence over `allow`. @default empty */
  readonly deny?: readonly string[]
}

/** Those in force that requests read when they begin. */
export class InForce implements AccessLists {
  /** 0: no bound. */
  maxTokens = 0
  allow: ReadonlySet<string> = new Set()
  readonly deny: AccessLists['deny']
  #denied: ReadonlySet<string> = new Set()

  /**
   * @param markOf the owner's word on a peer
   * @throws InferenceError `invalid_request` for an invalid peer id
   */
  constructor(
    settings: LiveNodeSettings,
    markOf: (peer: string) => string | undefined = () => undefined,
  ) {
    this.deny = { has: (peer) => this.#denied.has(peer) || markOf(peer) === 'denied' }
    this.replace(settings)
  }

  /** Changes nothing if it throws. */
  replace({ maxTokens = 0, allow, deny }: LiveNodeSettings): void {
    const lists = { allow: peerIdSet(allow), denied: peerIdSet(deny) }
    this.allow = lists.allow
    this.#denied = lists.denied
    this.maxTokens = maxTokens
  }
}
