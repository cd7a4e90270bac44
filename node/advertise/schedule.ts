/** Provider records live much longer than this, so that a missed turn costs nothing. */
const STEADY_MS = 15 * 60_000
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000
/** Part of a delay that chance decides: nodes that started together must not provide together for ever. */
const JITTER = 0.2

/**
 * When to provide again.
 *
 * @param failures how often it failed since it last worked
 * @param random from [0, 1)
 */
export function nextProvideMs(failures: number, random: number): number {
  const retryMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1))
  return jittered(failures > 0 ? retryMs : STEADY_MS, random)
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
