/** Share of positions at which an honest peer's token is not the scorer's first choice, due to rounding at near ties. */
const HONEST_RATE = 0.02
/** Lowest share of misses of a cheating peer. */
const CHEAT_RATE = 0.05
/** Target error rates: rejecting an honest peer, accepting a cheating one. */
const FALSE_REJECT = 1e-3
const FALSE_ACCEPT = 1e-2

/** Bounds of Wald's sequential probability ratio test (A. Wald, 1945): ln((1−β)÷α) and ln(β÷(1−α)). */
const REJECT_AT = Math.log((1 - FALSE_ACCEPT) / FALSE_REJECT)
const ACCEPT_AT = Math.log(FALSE_ACCEPT / (1 - FALSE_REJECT))

/** Correlation between positions of one answer, which reduces their evidence (L. Kish, 1965). */
export const TOKEN_CORRELATION = 0.01

const MISS = Math.log(CHEAT_RATE / HONEST_RATE)
const HIT = Math.log((1 - CHEAT_RATE) / (1 - HONEST_RATE))

/**
 * Contribution of one audit to the log likelihood ratio: misses and hits, divided by the design effect
 * 1 + (n − 1) × 0.01. Without the division there are forty times as many false rejections.
 */
export function evidenceOf(positions: number, misses: number): number {
  if (positions === 0) return 0
  const designEffect = 1 + (positions - 1) * TOKEN_CORRELATION
  return (misses * MISS + (positions - misses) * HIT) / designEffect
}

/** State of the test. After `accept` it starts over. */
export function decisionAt(logRatio: number): 'accept' | 'continue' | 'reject' {
  if (logRatio >= REJECT_AT) return 'reject'
  return logRatio <= ACCEPT_AT ? 'accept' : 'continue'
}
