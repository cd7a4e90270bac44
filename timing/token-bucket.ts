/** A bucket that refills at a steady rate. Amounts below zero are debt. */
export interface BucketState {
  readonly amount: number
  readonly atMs: number
}

export interface BucketRate {
  /** Tokens added a second. */
  readonly perSecond: number
  /** Most tokens that the bucket holds. */
  readonly burst: number
}

export function fullBucket(rate: BucketRate, nowMs: number): BucketState {
  return { amount: rate.burst, atMs: nowMs }
}

export function refill(state: BucketState, rate: BucketRate, nowMs: number): BucketState {
  const elapsedMs = Math.max(0, nowMs - state.atMs)
  const amount = Math.min(rate.burst, state.amount + (elapsedMs * rate.perSecond) / 1000)
  return { amount, atMs: nowMs }
}

/** Takes a token if available. `waitMs`: time until one is. */
export function takeOne(
  state: BucketState,
  rate: BucketRate,
  nowMs: number,
): { readonly state: BucketState; readonly taken: boolean; readonly waitMs: number } {
  const filled = refill(state, rate, nowMs)
  if (filled.amount >= 1) {
    return { state: { ...filled, amount: filled.amount - 1 }, taken: true, waitMs: 0 }
  }
  return { state: filled, taken: false, waitMs: ((1 - filled.amount) * 1000) / rate.perSecond }
}

/** Takes `amount` in any case, into debt if need be. `waitMs`: time until the debt is paid. */
export function charge(
  state: BucketState,
  rate: BucketRate,
  nowMs: number,
  amount: number,
): { readonly state: BucketState; readonly waitMs: number } {
  const filled = refill(state, rate, nowMs)
  const left = filled.amount - amount
  return {
    state: { ...filled, amount: left },
    waitMs: left >= 0 ? 0 : (-left * 1000) / rate.perSecond,
  }
}
