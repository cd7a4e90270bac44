/** Share of positions at which an honest peer's token is not the verifier's first choice: rounding at near ties. */
const HONEST_RATE = 0.02
/** The least share that a cheat has. */
const CHEAT_RATE = 0.05
/** Wanted error rates: an honest peer rejected, a cheat accepted. */
const FALSE_REJECT = 1e-3
const FALSE_ACCEPT = 1e-2

/** Bounds of Wald's sequential probability ratio test (A. Wald, 1945): ln((1−β)÷α) and ln(β÷(1−α)). */
const REJECT_AT = Math.log((1 - FALSE_ACCEPT) / FALSE_REJECT)
const ACCEPT_AT = Math.log(FALSE_ACCEPT / (1 - FALSE_REJECT))

/** Positions of one answer are not independent: their correlation, by which evidence counts less (L. Kish, 1965). */
export const TOKEN_CORRELATION = 0.01

const MISS = Math.log(CHEAT_RATE / HONEST_RATE)
const HIT = Math.log((1 - CHEAT_RATE) / (1 - HONEST_RATE))

/**
 * What one audit adds to the logarithm of the likelihood ratio: each miss and hit as usual, divided by the design effect
 * 1 + (n − 1) × 0.01. Without that the false rejects are forty times as many.
 */
export function evidenceOf(positions: number, misses: number): number {
  if (positions === 0) return 0
  const designEffect = 1 + (positions - 1) * TOKEN_CORRELATION
  return (misses * MISS + (positions - misses) * HIT) / designEffect
}

/** Where the test stands. `accept` starts it anew. */
export function decisionAt(logRatio: number): 'accept' | 'continue' | 'reject' {
  if (logRatio >= REJECT_AT) return 'reject'
  return logRatio <= ACCEPT_AT ? 'accept' : 'continue'
}
