/** Provider records live much longer than this, so that a missed turn costs nothing. */
const STEADY_MS = 15 * 60_000
/** After the first peers a swarm still grows: records are placed again while the routing table fills. */
const EARLY_MS: readonly number[] = [15_000, 60_000, 5 * 60_000]
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000
/** Part of a delay that chance decides: nodes that started together must not provide together for ever. */
const JITTER = 0.2

export interface ProvideHistory {
  /** Times that everything was provided. */
  readonly succeeded: number
  /** Failures since the last time that it was. */
  readonly failed: number
}

/**
 * When to provide again.
 *
 * @param random from [0, 1)
 */
export function nextProvideMs(history: ProvideHistory, random: number): number {
  const { succeeded, failed } = history
  const baseMs =
    failed > 0
      ? Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failed - 1))
      : (EARLY_MS[succeeded - 1] ?? STEADY_MS)
  return jittered(baseMs, random)
}

/** The delay, give or take a fifth. */
export function jittered(ms: number, random: number): number {
  return Math.round(ms * (1 - JITTER + 2 * JITTER * random))
}

/** Higher than any before, across restarts too: the time, or one more than the last where the clock stood or went back. */
export function nextSequence(last: bigint, nowMs: number): bigint {
  const time = BigInt(Math.floor(nowMs))
  return time > last ? time : last + 1n
}
