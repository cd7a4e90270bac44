import type { GatewayLimits } from './defaults.ts'
import type { GatewayClient } from './gateway-client.ts'
import type { Metrics } from './metrics/index.ts'
/** What all endpoints share. */
export interface GatewayContext {
  readonly client: GatewayClient
  readonly limits: GatewayLimits
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Where a failure of the gateway's own is told. */
  readonly log: (message: string) => void
  /** Absent where nobody asked for them. */
  readonly metrics: Metrics | undefined
  /** Counts tokens that an answer took against its caller's limit. */
  readonly spend: (caller: string, tokens: number) => void
  /** Resolves once the caller's limit leaves tokens; rejects with the signal's reason. */
  readonly untilTokens: (caller: string, signal: AbortSignal) => Promise<void>
}

/** What is known of a request by its headers, for every handler of it. */
export interface GatewayEnv {
  readonly Variables: {
    readonly requestId: string
    /** By `performance.now`. */
    readonly startedAt: number
    /** Whose key it came with; all who need none are one. */
    readonly caller: string
    /** Turns before this request when it came to the queue. Absent where it never did. */
    readonly queued?: number
    /** The answer failed after its first byte, so that it must not be given out again. */
    readonly broken: boolean
    /** What of the request was left out, by the caller's names. */
    readonly ignored: Set<string> | undefined
  }
}
