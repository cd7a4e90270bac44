import { backoffMs } from '../../timing/index.ts'

/** Provider records live much longer than this, so that one missed round is harmless. */
const STEADY_MS = 15 * 60_000
/** Random share of a delay: nodes that started together must not keep providing at the same time. */
const JITTER = 0.2
const RETRY = { minMs: 1_000, maxMs: 60_000, jitter: [1 - JITTER, 1 + JITTER] } as const

/**
 * When to provide again.
 *
 * @param failures how often it failed since it last worked
 * @param random from [0, 1)
 */
export function nextProvideMs(failures: number, random: number): number {
  if (failures === 0) return jittered(STEADY_MS, random)
  return Math.round(backoffMs(failures - 1, RETRY, random))
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
