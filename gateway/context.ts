import type { Context } from 'hono'
import type { RequestOptions } from '../client/index.ts'
import type { JsonShape } from '../protocol/index.ts'
import type { GatewayLimits } from './defaults.ts'
import type { GatewayClient } from './gateway-client.ts'
import type { LocalModels } from './local-models.ts'
import type { Metrics } from './metrics/index.ts'
import type { NamedModels } from './named-models.ts'
import type { ModelRights } from './visible-models.ts'

/** What all endpoints share. */
export interface GatewayContext {
  readonly client: GatewayClient
  readonly limits: GatewayLimits
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives internal failures of the gateway. */
  readonly log: (message: string) => void
  /** Absent if metrics are off. */
  readonly metrics: Metrics | undefined
  /** Models of this machine. Absent if it has none. */
  readonly local: LocalModels | undefined
  /** Whether the caller may change them. */
  readonly mayManage: (c: Context<GatewayEnv>) => boolean
  /** @throws InferenceError `unauthorized`, with what to do, unless the caller may change them */
  readonly requireOwner: (c: Context<GatewayEnv>) => void
  /** @throws InferenceError if the caller's key may not use the models, or no longer exists */
  readonly checkModels: (caller: string, named: NamedModels) => void
  /** What the caller's key may use. */
  readonly rightsOf: (caller: string) => ModelRights
  /** The options within the rights of the caller's key. @throws InferenceError if no peer is left */
  readonly within: (caller: string, options: RequestOptions) => RequestOptions
}

/** The memory of one request. */
export interface BodyMemory {
  /**
   * Charges what has arrived of its body.
   *
   * @param shape of all of it
   * @throws InferenceError `over_capacity`
   */
  charge(shape: JsonShape, piece: Uint8Array): void
  /** The answer, which releases the memory: at once, or at its end if it is a stream. To be called once. */
  answered(response: Response): Response
}

/** Facts from a request's headers, for every handler. */
export interface GatewayEnv {
  readonly Bindings: {
    /** IP address of the other end. Absent in-process. */
    readonly remoteAddress?: string
  }
  readonly Variables: {
    readonly requestId: string
    /** By `performance.now`. */
    readonly startedAt: number
    /** Name of the API key; callers without one share a name. */
    readonly caller: string
    readonly memory: BodyMemory
    /** Its body, if it was read before its endpoint, which takes it. */
    readonly body?: Uint8Array<ArrayBuffer>
    /** Turns before this request when it was queued. Absent if it never was. */
    readonly queued?: number
    /** Set if the answer failed after its first byte: it must not be replayed. */
    readonly broken: boolean
    /** What was left out of the request, by the caller's names. */
    readonly ignored: Set<string> | undefined
  }
}
