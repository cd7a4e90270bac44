import { setTimeout as delay } from 'node:timers/promises'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { InferenceError } from '../../protocol/index.ts'

/** Limits of one key per minute. Absent: unlimited. */
export interface RateLimits {
  readonly requestsPerMinute?: number
  /** Prompt and completion tokens together. Tokens count as they are delivered; batches wait for more. */
  readonly tokensPerMinute?: number
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

const WINDOW_S = 60

export function createRateLimit(limits: RateLimits): RateLimit {
  const { requestsPerMinute, tokensPerMinute } = limits
  const requests = limiter('requests', requestsPerMinute)
  const tokens = limiter('tokens', tokensPerMinute)
  return {
    async request(caller) {
      const headers = {}
      if (tokens !== undefined) {
        const state = await tokens.get(caller)
        Object.assign(headers, headersFor('tokens', tokens.points, state))
        if (state !== null && state.consumedPoints >= tokens.points) {
          throw refusal('tokens', tokens.points, state.msBeforeNext)
        }
      }
      if (requests !== undefined) {
        try {
          const state = await requests.consume(caller)
          Object.assign(headers, headersFor('requests', requests.points, state))
        } catch (error) {
          if (!(error instanceof RateLimiterRes)) throw error
          throw refusal('requests', requests.points, error.msBeforeNext)
        }
      }
      return headers
    },
    tokens(caller, count) {
      // In memory, so it cannot fail.
      if (count > 0) void tokens?.penalty(caller, count)
      if (count < 0) void tokens?.reward(caller, -count)
    },
    async untilTokens(caller, signal) {
      if (tokens === undefined) return
      for (;;) {
        const state = await tokens.get(caller)
        if (state === null || state.consumedPoints < tokens.points) return
        // A new window starts with what was spent meanwhile.
        await delay(Math.max(1, state.msBeforeNext), undefined, { signal }).catch((error) => {
          throw signal.aborted ? signal.reason : error
        })
      }
    },
  }
}

function limiter(keyPrefix: string, points: number | undefined): RateLimiterMemory | undefined {
  if (points === undefined) return undefined
  return new RateLimiterMemory({ keyPrefix, points, duration: WINDOW_S })
}

function headersFor(
  what: 'requests' | 'tokens',
  points: number,
  state: RateLimiterRes | null,
): Record<string, string> {
  const remaining = Math.max(0, points - (state?.consumedPoints ?? 0))
  return {
    [`x-ratelimit-limit-${what}`]: String(points),
    [`x-ratelimit-remaining-${what}`]: String(remaining),
    [`x-ratelimit-reset-${what}`]: `${((state?.msBeforeNext ?? 0) / 1_000).toFixed(3)}s`,
  }
}

function refusal(what: string, points: number, retryAfterMs: number): InferenceError {
  return new InferenceError('rate_limited', `this key has used its ${points} ${what} per minute`, {
    retryAfterMs: Math.max(1, retryAfterMs),
  })
}
