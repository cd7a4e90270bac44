import { setTimeout as delay } from 'node:timers/promises'
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import { InferenceError } from '../../protocol/index.ts'

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
   * @returns the `x-ratelimit-*` headers
   * @throws InferenceError `rate_limited`, with the time until more is allowed
   */
  request(caller: string): Promise<Record<string, string>>
  /** Counts tokens of an answer; a negative number corrects an estimate. */
  tokens(caller: string, count: number): void
  /** Resolves once the caller has tokens left; rejects with the signal's reason. */
  untilTokens(caller: string, signal: AbortSignal): Promise<void>
}

type Unit = 'requests' | 'tokens'

interface Window {
  readonly unit: Unit
  readonly per: 'minute' | 'day'
  readonly limit: keyof RateLimits
  /** Counts what each caller used in its current window. */
  readonly used: RateLimiterMemory
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
 */
export function createRateLimit(
  defaults: () => RateLimits,
  limitsOf: (caller: string) => RateLimits = () => ({}),
): RateLimit {
  const windows = WINDOWS.map(
    ({ unit, per, seconds, limit }): Window => ({
      ...{ unit, per, limit },
      // It only counts; the limit, which may change, is compared here.
      used: new RateLimiterMemory({ keyPrefix: limit, points: 1, duration: seconds }),
    }),
  )
  /** The windows that limit this caller, with their limits. */
  const limited = (caller: string, unit?: Unit): (Window & { readonly points: number })[] => {
    const own = limitsOf(caller)
    const others = defaults()
    return windows.flatMap((window) => {
      const points = own[window.limit] ?? others[window.limit]
      return points === undefined || (unit !== undefined && window.unit !== unit)
        ? []
        : [{ ...window, points }]
    })
  }
  return {
    async request(caller) {
      const headers: Record<string, string> = {}
      for (const { unit, per, used, points } of limited(caller)) {
        const state = unit === 'requests' ? await used.penalty(caller) : await used.get(caller)
        const spent = state?.consumedPoints ?? 0
        // OpenAI's headers tell the minute's limit; the day's stands in only where it is the only one.
        if (headers[`x-ratelimit-limit-${unit}`] === undefined) {
          Object.assign(headers, headersFor(unit, points, state))
        }
        if (unit === 'requests' ? spent > points : spent >= points) {
          throw refusal(unit, per, points, state?.msBeforeNext ?? 0)
        }
      }
      return headers
    },
    tokens(caller, count) {
      for (const { used } of limited(caller, 'tokens')) {
        // In memory, so it cannot fail.
        if (count > 0) void used.penalty(caller, count)
        if (count < 0) void used.reward(caller, -count)
      }
    },
    async untilTokens(caller, signal) {
      for (;;) {
        const waits = limited(caller, 'tokens').map(async ({ used, points }) => {
          const state = await used.get(caller)
          return state === null || state.consumedPoints < points ? 0 : state.msBeforeNext
        })
        const waitMs = Math.max(0, ...(await Promise.all(waits)))
        if (waitMs === 0) return
        // A new window starts with what was spent meanwhile, and a limit may have been raised.
        await delay(Math.min(Math.max(1, waitMs), MAX_WAIT_MS), undefined, { signal }).catch(
          (error) => {
            throw signal.aborted ? signal.reason : error
          },
        )
      }
    },
  }
}

/** After it a waiting batch looks at the limits again. */
const MAX_WAIT_MS = 60_000

function headersFor(
  unit: Unit,
  points: number,
  state: RateLimiterRes | null,
): Record<string, string> {
  const remaining = Math.max(0, points - (state?.consumedPoints ?? 0))
  return {
    [`x-ratelimit-limit-${unit}`]: String(points),
    [`x-ratelimit-remaining-${unit}`]: String(remaining),
    [`x-ratelimit-reset-${unit}`]: `${((state?.msBeforeNext ?? 0) / 1_000).toFixed(3)}s`,
  }
}

function refusal(unit: Unit, per: string, points: number, retryAfterMs: number): InferenceError {
  return new InferenceError('rate_limited', `this key has used its ${points} ${unit} per ${per}`, {
    retryAfterMs: Math.max(1, retryAfterMs),
  })
}
