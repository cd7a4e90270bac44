/** Every bound of the gateway, in one place. */
export interface GatewayLimits {
  /** One request, waiting and failing over included. @default 600_000: the official SDKs wait this long */
  readonly timeoutMs: number
  /** A stream without content begins after this, and is kept alive by comments at this interval. @default 10_000: proxies close connections that are silent for 30 to 60 s */
  readonly keepAliveMs: number
  /** A request's body. @default 16 MiB, the wire's limit */
  readonly maxBodyBytes: number
  /** Memory of all bodies in progress, text and parsed values included. @default 224 MiB: with what is not collected yet, the process stays below 512 */
  readonly maxBodyMemoryBytes: number
  /** A file for a batch. @default 64 MiB: it is received in memory (OpenAI allows 200) */
  readonly maxFileBytes: number
  /** Files that are received at the same time. @default 2 */
  readonly maxUploads: number
  /** All files together, results of batches included. @default 4 GiB */
  readonly maxFilesBytes: number
  /** Files and batches that are kept, each. @default 10_000 */
  readonly maxFiles: number
  /** Requests of one batch. @default 50_000, as OpenAI */
  readonly maxBatchRequests: number
  /** Batches that run at the same time; others wait. @default 4 */
  readonly maxRunningBatches: number
  /** How long a stored answer is kept for its idempotency key. @default 3_600_000 */
  readonly idempotencyTtlMs: number
  /** All stored answers together; the oldest go first. @default 64 MiB */
  readonly maxStoredBytes: number
  /** A request with an idempotency key continues this long after its caller has left. @default 15_000 */
  readonly idempotencyGraceMs: number
  /** Requests that wait until the peers have room, of all callers. @default 1_024 */
  readonly maxQueued: number
  /** Of them, those of one key. @default 256 */
  readonly maxQueuedPerKey: number
  /** Gateways that a request may pass through. @default 3 */
  readonly maxHops: number
}

/** The defaults. */
export const GATEWAY_LIMITS: GatewayLimits = {
  timeoutMs: 600_000,
  keepAliveMs: 10_000,
  maxBodyBytes: 16_777_216,
  maxBodyMemoryBytes: 234_881_024,
  maxFileBytes: 67_108_864,
  maxUploads: 2,
  maxFilesBytes: 4_294_967_296,
  maxFiles: 10_000,
  maxBatchRequests: 50_000,
  maxRunningBatches: 4,
  idempotencyTtlMs: 3_600_000,
  maxStoredBytes: 67_108_864,
  idempotencyGraceMs: 15_000,
  maxQueued: 1_024,
  maxQueuedPerKey: 256,
  maxHops: 3,
}
