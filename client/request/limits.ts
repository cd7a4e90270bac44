import { InferenceError } from '../../protocol/index.ts'
import { MAX_TIMER_MS } from '../../timing/index.ts'

/** Limits on time and numbers for one request. Each caller's request may override the client's. */
export interface RequestLimits {
  /** The whole request, failover and waiting included. Travels to each peer as remaining time. @default 120_000 */
  readonly timeoutMs: number
  /** Tries before the answer begins, refusals included; hedges and what a race asks at once are not counted. @default 6: bad, stale and busy peers, and one good one */
  readonly maxAttempts: number
  /** Peers that turn out to be unreachable; they do not count as tries. @default 32: known peers that have left meanwhile */
  readonly maxUnreachable: number
  /** Silence of a chain's member before its first piece, after which the next one is asked beside it. @default 10_000: longer than good peers take, shorter than people wait */
  readonly chainPatienceMs: number
  /** Times that one answer goes on elsewhere. @default 16: more is a swarm that falls apart */
  readonly maxResumes: number
  /** Connecting to a peer and opening the stream. @default 5_000, the host's own bound for a dial */
  readonly dialTimeoutMs: number
  /** No frame at all before the first token. @default 8_000: a node says that it lives every second or two */
  readonly silenceTimeoutMs: number
  /** First visible piece of the answer, for an empty prompt. @default 30_000: a queue and a cold model */
  readonly ttftTimeoutMs: number
  /** Added to `ttftTimeoutMs` for each token of the prompt. @default 10: prefill at 100 tokens a second, a slow CPU's */
  readonly ttftPerTokenMs: number
  /** Gap between pieces after the first. @default 10_000: engines pause for a moment, not this long */
  readonly itlTimeoutMs: number
  /** A gap shorter than this is no stall, however fast the answer was before. @default 500: a busy machine's hiccup */
  readonly stallFloorMs: number
  /** A peer that gives fewer, over `throughputWindowMs` of waiting for it, is left for another. @default 0.5, half of what a large model does on a laptop */
  readonly minTokensPerSecond: number
  /** @default 10_000 */
  readonly throughputWindowMs: number
  /** The same piece, or a cycle of up to 8 pieces, repeated this often in a row is a loop. @default 100 */
  readonly maxRepeatedChunks: number
}

/** Limits on finding peers. */
export interface DiscoveryLimits {
  /** Wait for a first connection before saying that there are no peers. @default 1_500: an answer within 2 s */
  readonly connectTimeoutMs: number
  /** One look-up of a model or of all nodes, the fetching of advertisements included. @default 5_000 */
  readonly lookupTimeoutMs: number
  /** A peer's advertisement. @default 3_000 */
  readonly fetchTimeoutMs: number
  /** A peer's load. @default 2_000 */
  readonly probeTimeoutMs: number
  /** A model that is in use is looked up again after this. @default 60_000: records live for hours */
  readonly refreshMs: number
}

export const REQUEST_LIMITS: RequestLimits = {
  timeoutMs: 120_000,
  maxAttempts: 6,
  maxUnreachable: 32,
  chainPatienceMs: 10_000,
  maxResumes: 16,
  dialTimeoutMs: 5_000,
  silenceTimeoutMs: 8_000,
  ttftTimeoutMs: 30_000,
  ttftPerTokenMs: 10,
  itlTimeoutMs: 10_000,
  stallFloorMs: 500,
  minTokensPerSecond: 0.5,
  throughputWindowMs: 10_000,
  maxRepeatedChunks: 100,
}

export const DISCOVERY_LIMITS: DiscoveryLimits = {
  connectTimeoutMs: 1_500,
  lookupTimeoutMs: 5_000,
  fetchTimeoutMs: 3_000,
  probeTimeoutMs: 2_000,
  refreshMs: 60_000,
}

/**
 * The defaults with what was given laid over them, later ones first.
 *
 * @throws InferenceError `invalid_request` for a limit that is not a positive number that a timer can hold.
 */
export function resolveLimits<T extends object>(
  defaults: T,
  ...overrides: readonly { readonly [K in keyof T]?: T[K] | undefined }[]
): T {
  const resolved = { ...defaults }
  for (const key of Object.keys(defaults) as (keyof T & string)[]) {
    const value = overrides.findLast((given) => given[key] !== undefined)?.[key] ?? defaults[key]
    if (typeof value !== 'number' || !(value > 0 && value <= MAX_TIMER_MS)) {
      throw new InferenceError('invalid_request', `${key} is not a number above 0 and below 2^31`, {
        details: { param: key },
      })
    }
    resolved[key] = value
  }
  return resolved
}
