import { InferenceError } from '../../protocol/index.ts'
import { openScope, raceSignal } from '../../timing/index.ts'
import type { KeyBudgets } from './key-budgets.ts'
import { UsageWindows } from './usage-windows.ts'

/** Limits of one key, counted since the gateway started. Absent: unlimited. */
export interface RateLimits {
  readonly requestsPerMinute?: number
  /** Prompt and completion tokens together. Tokens count as they are delivered; batches wait for more. */
  readonly tokensPerMinute?: number
  readonly requestsPerDay?: number
  /** Like `tokensPerMinute`. */
  readonly tokensPerDay?: number
}

/** Enforces the limits of each caller. */
export interface RateLimit {
  /**
   * Counts one request.
   *
   * @throws InferenceError `rate_limited`, with the time until more is allowed
   */
  request(caller: string): void
  /** The `x-ratelimit-*` headers as they are now, and what is left of a budget. */
  headers(caller: string): Record<string, string>
  /**
   * Counts the tokens that an answer may need, if the caller has any left. Absent: the caller's tokens are not limited.
   *
   * @throws InferenceError `rate_limited`, with the time until more is allowed
   */
  reserve(caller: string, estimate: () => number): Reservation | undefined
  /** {@link reserve}, once the caller has tokens left; rejects with the signal's reason. */
  reserveInTurn(
    caller: string,
    estimate: () => number,
    signal: AbortSignal,
  ): Promise<Reservation | undefined>
}

/** Tokens of one answer, counted against its caller's limits. */
export interface Reservation {
  /** @param tokens what the answer has cost so far, in place of what was counted before */
  charge(tokens: number): void
}

/** Limits of a caller that has none of its own. */
export const UNLIMITED: RateLimits = {}

type Unit = 'requests' | 'tokens'

interface Window {
  readonly unit: Unit
  readonly per: 'minute' | 'day'
  readonly limit: keyof RateLimits
  /** What each caller used. */
  readonly used: UsageWindows
}

const WINDOWS = [
  { unit: 'requests', per: 'minute', seconds: 60, limit: 'requestsPerMinute' },
  { unit: 'tokens', per: 'minute', seconds: 60, limit: 'tokensPerMinute' },
  { unit: 'requests', per: 'day', seconds: 86_400, limit: 'requestsPerDay' },
  { unit: 'tokens', per: 'day', seconds: 86_400, limit: 'tokensPerDay' },
] as const

/**
 * @param defaults returns the limits for callers without limits of their own; they may change at any time
 * @param limitsOf a caller's own limits; they may change at any time
 * @param budgets of callers that have one
 * @param now in milliseconds, monotonic
 */
export function createRateLimit(
  defaults: () => RateLimits,
  limitsOf: (caller: string) => RateLimits = () => UNLIMITED,
  budgets?: Pick<KeyBudgets, 'draw' | 'has' | 'left'>,
  now: () => number = () => performance.now(),
): RateLimit {
  const windows = WINDOWS.map(
    ({ unit, per, seconds, limit }): Window => ({
      ...{ unit, per, limit },
      used: new UsageWindows(seconds * 1_000, now),
    }),
  )
  /** The windows that limit this caller, with their limits. */
  const limited = (caller: string, unit?: Unit): (Window & { readonly points: number })[] => {
    const own = limitsOf(caller)
    const others = defaults()
    const limiting: (Window & { readonly points: number })[] = []
    for (const window of windows) {
      const points = own[window.limit] ?? others[window.limit]
      if (points === undefined || (unit !== undefined && window.unit !== unit)) continue
      limiting.push({ ...window, points })
    }
    return limiting
  }
  let refund = Promise.withResolvers<void>()
  const reserve: RateLimit['reserve'] = (caller, estimate) => {
    const held = limited(caller, 'tokens')
    if (held.length === 0 && budgets?.has(caller) !== true) return undefined
    const tokens = estimate()
    const drawn = budgets?.draw(caller, tokens)
    const counted = held.map((limit) => ({ ...limit, window: limit.used.add(caller, tokens) }))
    const count = (delta: number): void => {
      for (const { used, window } of counted) {
        // A window that began since does not give back what an earlier one counted.
        if (delta > 0 || used.get(caller) === window) used.add(caller, delta)
      }
    }
    const full = counted.find(({ window, points }) => window.used - tokens >= points)
    if (full !== undefined) {
      // Not a refund: it would wake the very request that waits for one.
      count(-tokens)
      drawn?.charge(0)
      throw refusal('tokens', full.per, full.points, full.used.leftMs(caller))
    }
    let charged = tokens
    return {
      charge(total) {
        const isRefund = total < charged
        if (total !== charged) count(total - charged)
        drawn?.charge(total)
        charged = total
        if (!isRefund) return
        refund.resolve()
        refund = Promise.withResolvers()
      },
    }
  }
  return {
    request(caller) {
      for (const { unit, per, used, points } of limited(caller)) {
        const window = unit === 'requests' ? used.add(caller, 1) : used.get(caller)
        const spent = window?.used ?? 0
        if (unit === 'requests' ? spent > points : spent >= points) {
          throw refusal(unit, per, points, used.leftMs(caller))
        }
      }
    },
    headers(caller) {
      const headers: Record<string, string> = {}
      for (const { unit, used, points } of limited(caller)) {
        // OpenAI's headers give the minute's limit; the day's stands in only where it is the only one.
        if (headers[`x-ratelimit-limit-${unit}`] !== undefined) continue
        const left = Math.max(0, points - (used.get(caller)?.used ?? 0))
        Object.assign(headers, headersFor(unit, { points, left, resetMs: used.leftMs(caller) }))
      }
      const left = budgets?.left(caller)
      if (left !== undefined) headers['x-skein-budget-remaining'] = String(left)
      return headers
    },
    reserve,
    async reserveInTurn(caller, estimate, signal) {
      for (;;) {
        const { promise: returned } = refund
        try {
          return reserve(caller, estimate)
        } catch (error) {
          if (!InferenceError.is(error, 'rate_limited')) throw error
          // A new window starts with what was spent meanwhile, and a limit may have been raised.
          using wait = openScope({ timeoutMs: Math.min(error.retryAfterMs ?? 1, MAX_WAIT_MS) })
          await raceSignal(returned, AbortSignal.any([signal, wait.signal])).catch(() => {})
          signal.throwIfAborted()
        }
      }
    },
  }
}

/** After it a waiting batch looks at the limits again. */
const MAX_WAIT_MS = 60_000

function headersFor(
  unit: Unit,
  state: { readonly points: number; readonly left: number; readonly resetMs: number },
): Record<string, string> {
  return {
    [`x-ratelimit-limit-${unit}`]: String(state.points),
    [`x-ratelimit-remaining-${unit}`]: String(state.left),
    [`x-ratelimit-reset-${unit}`]: duration(state.resetMs),
  }
}

/** A duration as Go writes it, which is OpenAI's form: `6m0s`, `1.5s`, `20ms`. */
function duration(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${Math.ceil(ms)}ms`
  const [hours, minutes] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60]
  const seconds = `${Number(((ms % 60_000) / 1_000).toFixed(3))}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}

function refusal(unit: Unit, per: string, points: number, retryAfterMs: number): InferenceError {
  return new InferenceError('rate_limited', `this key has used its ${points} ${unit} per ${per}`, {
    retryAfterMs: Math.max(1, retryAfterMs),
  })
}
