/** Every bound of the gateway, in one place. */
export interface GatewayLimits {
  /** One request, waiting and failing over included. @default 600_000: the official SDKs wait this long */
  readonly timeoutMs: number
  /** A stream that has nothing to say yet begins after this and is kept alive by comments this far apart. @default 10_000: proxies cut what is silent for 30 to 60 s */
  readonly keepAliveMs: number
  /** A request's body. @default 16 MiB, what the wire takes */
  readonly maxBodyBytes: number
  /** A file for a batch. @default 200 MiB, as OpenAI */
  readonly maxFileBytes: number
  /** How long a stored answer is kept for its idempotency key. @default 3_600_000 */
  readonly idempotencyTtlMs: number
  /** All stored answers together; the oldest go first. @default 64 MiB */
  readonly maxStoredBytes: number
  /** A request that carries an idempotency key goes on this long after its caller has left. @default 15_000 */
  readonly idempotencyGraceMs: number
  /** Gateways that a request may pass through. @default 3 */
  readonly maxHops: number
}

/** The defaults. */
export const GATEWAY_LIMITS: GatewayLimits = {
  timeoutMs: 600_000,
  keepAliveMs: 10_000,
  maxBodyBytes: 16_777_216,
  maxFileBytes: 209_715_200,
  idempotencyTtlMs: 3_600_000,
  maxStoredBytes: 67_108_864,
  idempotencyGraceMs: 15_000,
  maxHops: 3,
}
