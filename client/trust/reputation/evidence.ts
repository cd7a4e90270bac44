/**
 * Evidence for and against a peer: the parameters of a Beta distribution, each minus the prior's 1 (A. Jøsang and
 * R. Ismail, "The Beta Reputation System", 2002).
 */
export interface Evidence {
  readonly good: number
  readonly bad: number
}

export const NO_EVIDENCE: Evidence = { good: 0, bad: 0 }

/** Decay of older evidence per event: half after 138 events. */
const FORGETTING = 0.995

/** Adds evidence; older evidence decays. */
export function withEvidence(before: Evidence, { good = 0, bad = 0 }: Partial<Evidence>): Evidence {
  return { good: before.good * FORGETTING + good, bad: before.bad * FORGETTING + bad }
}

/** Expectation of the Beta distribution: (good + 1) ÷ (good + bad + 2). 0.5 without evidence. */
export function expectationOf({ good, bad }: Evidence): number {
  return (good + 1) / (good + bad + 2)
}

/**
 * One draw from the Beta distribution, for Thompson sampling (W. R. Thompson, 1933): peers with little evidence are
 * sometimes drawn high, which leads to more evidence.
 *
 * @param random from 0, below 1
 */
export function drawFrom({ good, bad }: Evidence, random: () => number): number {
  const a = drawGamma(good + 1, random)
  const b = drawGamma(bad + 1, random)
  return a / (a + b)
}

/** Shape of at least 1, scale 1 (G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", 2000). */
function drawGamma(shape: number, random: () => number): number {
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  // 19 of 20 draws are accepted at once. The bound keeps a broken source of randomness from hanging the caller.
  for (let tries = 0; tries < 64; tries += 1) {
    const x = drawNormal(random)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
  return shape
}

/** G. E. P. Box and M. E. Muller, 1958. */
function drawNormal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
