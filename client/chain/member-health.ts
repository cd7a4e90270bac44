import { LRUCache } from 'lru-cache'
import { backoffMs, QUARTER_JITTER } from '../../timing/index.ts'

/** Max cool-down, also if a provider asks for more: conditions change. */
const MAX_MS = 300_000
/** For consecutive failures. */
const BACKOFF = { minMs: 5_000, maxMs: MAX_MS, jitter: QUARTER_JITTER }
/** Members remembered. */
const MAX_MEMBERS = 256

/** State of a member that failed. */
interface Ailing {
  /** Consecutive failures. */
  readonly failures: number
  /** Until this time it is tried after the healthy members. */
  readonly untilMs: number
  /** A request is testing whether it has recovered. */
  readonly onTrial: boolean
}

/**
 * How long a member is tried after the others: 5 s, doubled with each consecutive failure up to 5 min, jittered by a
 * quarter; or the time it asked for, but no less than the previous cool-down.
 *
 * @param random from 0, below 1
 */
export function coolDownMs(
  failures: number,
  retryAfterMs: number | undefined,
  random: number,
): number {
  const backoff = (row: number): number => (row < 1 ? 0 : backoffMs(row - 1, BACKOFF, random))
  const ms =
    retryAfterMs === undefined ? backoff(failures) : Math.max(retryAfterMs, backoff(failures - 1))
  return Math.min(MAX_MS, ms)
}

/** Recent failures of chain members. All times are of one monotonic clock. */
export class MemberHealth {
  readonly #ailing = new LRUCache<string, Ailing>({ max: MAX_MEMBERS })

  /**
   * The items in the order of trying: members that cool down come last, the earliest to end first. After a cool-down one
   * request may test the member, while it stays last for the others. No member is left out.
   */
  order<T>(items: readonly T[], keyOf: (item: T) => string, nowMs: number): readonly T[] {
    const known = items.map((item) => ({ item, ailing: this.#ailing.peek(keyOf(item)) }))
    const isCooling = (ailing: Ailing | undefined): ailing is Ailing =>
      ailing !== undefined && (nowMs < ailing.untilMs || ailing.onTrial)
    const healthy = known.filter(({ ailing }) => !isCooling(ailing))
    const cooling = known
      .filter(({ ailing }) => isCooling(ailing))
      .sort((a, b) => (a.ailing?.untilMs ?? 0) - (b.ailing?.untilMs ?? 0))
    return [...healthy, ...cooling].map(({ item }) => item)
  }

  /** A request was sent to the member. */
  began(key: string): void {
    const known = this.#ailing.get(key)
    if (known !== undefined) this.#ailing.set(key, { ...known, onTrial: true })
  }

  succeeded(key: string): void {
    this.#ailing.delete(key)
  }

  failed(
    key: string,
    failure: { readonly retryAfterMs?: number | undefined },
    nowMs: number,
    random: number,
  ): void {
    const failures = (this.#ailing.get(key)?.failures ?? 0) + 1
    const untilMs = nowMs + coolDownMs(failures, failure.retryAfterMs, random)
    this.#ailing.set(key, { failures, untilMs, onTrial: false })
  }

  /** A request to the member ended without a result. */
  released(key: string): void {
    const known = this.#ailing.get(key)
    if (known !== undefined) this.#ailing.set(key, { ...known, onTrial: false })
  }

  get size(): number {
    return this.#ailing.size
  }
}
