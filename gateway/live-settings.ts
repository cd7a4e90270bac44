import type { GatewayLimits } from './defaults.ts'
import type { RateLimits } from './security/index.ts'

/** Settings that a gateway can take over while it runs. Requests that have begun keep the time limit they began with. */
export interface LiveSettings extends Partial<Pick<GatewayLimits, 'timeoutMs'>> {
  /** Limits for each key without limits of its own. @default none */
  readonly rateLimits?: RateLimits
  /** Web pages that may call, by origin. @default none but its own */
  readonly corsOrigins?: readonly string[]
  /**
   * Names in the `Host` header that are this gateway, beside addresses and reserved names. With API keys
   * every name is. @default any: nothing but a server needs this
   */
  readonly allowedHosts?: readonly string[]
  /**
   * Whether, without API keys, callers on this machine may change its models. `false` for a gateway that others reach
   * through a proxy or by another name. With keys, who has an unrestricted one may. @default true
   */
  readonly trustsLoopback?: boolean
}
