/** Weight of the newest sample: the last ten or so requests make the estimate. */
const NEWEST_WEIGHT = 0.2

/** Measurements of the node's own engine; zero before the first. */
export interface Measured {
  /** From the slot to the first token. */
  readonly firstTokenMs: number
  /** From the slot to its release. */
  readonly serviceMs: number
  /** Tokens a second. */
  readonly prefillRate: number
  readonly decodeRate: number
}

export const UNMEASURED: Measured = {
  firstTokenMs: 0,
  serviceMs: 0,
  prefillRate: 0,
  decodeRate: 0,
}

export interface ServedSample {
  readonly firstTokenMs: number
  readonly serviceMs: number
  /** Prompt tokens that were computed, those from the cache not counted. */
  readonly prefillTokens: number
  readonly prefillMs: number
  readonly decodeTokens: number
  readonly decodeMs: number
}

/** Moves the averages (exponentially weighted) by one served request. */
export function observe(measured: Measured, sample: ServedSample): Measured {
  return {
    firstTokenMs: average(measured.firstTokenMs, sample.firstTokenMs),
    serviceMs: average(measured.serviceMs, sample.serviceMs),
    prefillRate: average(measured.prefillRate, rate(sample.prefillTokens, sample.prefillMs)),
    decodeRate: average(measured.decodeRate, rate(sample.decodeTokens, sample.decodeMs)),
  }
}

export interface Occupancy {
  readonly inFlight: number
  readonly queueDepth: number
  readonly slots: number
}

/**
 * Predicted wait of a new request for a slot: each slot becomes free once in a service time. It is at least as long as
 * the youngest request has run: what has run for longer than the average will hardly end within it.
 *
 * @param youngestMs 0 while a slot is free. @default 0
 */
export function predictedWaitMs(
  { inFlight, queueDepth, slots }: Occupancy,
  { serviceMs }: Measured,
  youngestMs = 0,
): number {
  if (inFlight < slots && queueDepth === 0) return youngestMs
  return Math.max(youngestMs, (serviceMs * (queueDepth + 1)) / Math.max(1, slots))
}

function rate(tokens: number, ms: number): number {
  return tokens > 0 && ms > 0 ? (tokens * 1000) / ms : 0
}

function average(before: number, sample: number): number {
  if (!Number.isFinite(sample) || sample <= 0) return before
  return before === 0 ? sample : before + NEWEST_WEIGHT * (sample - before)
}
