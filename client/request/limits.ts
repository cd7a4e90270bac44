import { InferenceError } from '../../protocol/index.ts'
import { MAX_TIMER_MS } from '../../timing/index.ts'

/** Time limits and counts for one request. Options of a request override those of the client. */
export interface RequestLimits {
  /** The whole request, including failover and waiting. Each peer gets the remaining time. @default 120_000 */
  readonly timeoutMs: number
  /** Attempts before the answer begins, including most refusals; hedges and the concurrent attempts of a race do not count. @default 6: bad, stale and busy peers, then a good one */
  readonly maxAttempts: number
  /** Unreachable peers, which do not count as attempts. @default 32: known peers that have left meanwhile */
  readonly maxUnreachable: number
  /** Refusals by peers whose engines are loading, which do not count as attempts; an engine that hangs in mid-request does. @default 64: two minutes and more of a lone peer, which is asked again when it said, then less and less often */
  readonly maxLoading: number
  /** Wait for a chain member's first visible chunk before the next member is asked concurrently. @default 10_000: longer than good peers take, shorter than people wait */
  readonly chainPatienceMs: number
  /** Resumes of one answer. @default 16: more than that means the swarm is falling apart */
  readonly maxResumes: number
  /** Connecting to a peer and opening the stream. @default 5_000, the host's own bound for a dial */
  readonly dialTimeoutMs: number
  /** Silence (no frame at all) before the first token. @default 8_000: a node sends a keep-alive every second or two */
  readonly silenceTimeoutMs: number
  /** Time to the first visible chunk, for an empty prompt; restarts with each report of work. @default 30_000: a busy node reports within seconds */
  readonly ttftTimeoutMs: number
  /** Added to `ttftTimeoutMs` for each prompt token. @default 10: prefill at 100 tokens/s, a slow CPU */
  readonly ttftPerTokenMs: number
  /** Gap between chunks after the first. @default 10_000: engines pause for a moment, not this long */
  readonly itlTimeoutMs: number
  /** Shortest gap that counts as a stall, however fast the answer was before. @default 500: a busy machine's hiccup */
  readonly stallFloorMs: number
  /** Minimum throughput over `throughputWindowMs` of waiting; another peer is tried below it. @default 0.5, half of what a large model does on a laptop */
  readonly minTokensPerSecond: number
  /** Window over which throughput is measured. @default 10_000 */
  readonly throughputWindowMs: number
  /** Consecutive repeats of one chunk, or of a cycle of up to 8 chunks, that count as a loop. @default 100 */
  readonly maxRepeatedChunks: number
}

/** Limits on finding peers. */
export interface DiscoveryLimits {
  /** Wait for a first connection before failing with `no_peers`. @default 1_500: the caller gets the error within 2 s */
  readonly connectTimeoutMs: number
  /** One look-up of a model or of all nodes, including fetching advertisements. @default 5_000 */
  readonly lookupTimeoutMs: number
  /** Fetching one peer's advertisement. @default 3_000 */
  readonly fetchTimeoutMs: number
  /** Probing one peer's load. @default 2_000 */
  readonly probeTimeoutMs: number
  /** Interval between look-ups of a model in use. @default 60_000: records live for hours */
  readonly refreshMs: number
}

export const REQUEST_LIMITS: RequestLimits = {
  timeoutMs: 120_000,
  maxAttempts: 6,
  maxUnreachable: 32,
  maxLoading: 64,
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
 * Applies overrides to the defaults; later overrides win.
 *
 * @throws InferenceError `invalid_request` for a limit that is not a positive number that fits a timer
 */
export function resolveLimits<T extends object>(
  defaults: T,
  ...overrides: readonly { readonly [K in keyof T]?: T[K] | undefined }[]
): T {
  const resolved = { ...defaults }
  for (const key in defaults) {
    let value: T[typeof key] | undefined = defaults[key]
    for (const given of overrides) if (given[key] !== undefined) value = given[key]
    if (typeof value !== 'number' || !(value > 0 && value <= MAX_TIMER_MS)) {
      throw new InferenceError('invalid_request', `${key} is not a number above 0 and below 2^31`, {
        details: { param: key },
      })
    }
    resolved[key] = value
  }
  return resolved
}
