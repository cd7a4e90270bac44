import { LRUCache } from 'lru-cache'
import { backoffMs, QUARTER_JITTER } from '../../timing/index.ts'

/** Beyond this even what a provider asks for is not believed to be the state of things. */
const MAX_MS = 300_000
/** After failures in a row. */
const BACKOFF = { minMs: 5_000, maxMs: MAX_MS, jitter: QUARTER_JITTER }
/** Members remembered. */
const MAX_MEMBERS = 256

/** What is known of a member that failed. */
interface Ailing {
  /** In a row. */
  readonly failures: number
  /** Tried after the healthy ones before this time. */
  readonly untilMs: number
  /** Somebody is finding out whether it is well again. */
  readonly onTrial: boolean
}

/**
 * How long a member is left behind the others: 5 s, doubled with each further failure in a row up to 5 min, each
 * jittered by a quarter; or what it asked for, where that is longer than the wait before.
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

/** Which members of chains failed lately. All times are of one clock that does not go back. */
export class MemberHealth {
  readonly #ailing = new LRUCache<string, Ailing>({ max: MAX_MEMBERS })

  /**
   * The keys in the order of trying: as they are, but those that cool down last, the soonest to be well first. After
   * its time one request may try a member again, for the others it stays behind meanwhile. None is ever left out.
   */
  order<T>(items: readonly T[], keyOf: (item: T) => string, nowMs: number): readonly T[] {
    const known = items.map((item) => ({ item, ailing: this.#ailing.peek(keyOf(item)) }))
    const isBehind = (ailing: Ailing | undefined): ailing is Ailing =>
      ailing !== undefined && (nowMs < ailing.untilMs || ailing.onTrial)
    const well = known.filter(({ ailing }) => !isBehind(ailing))
    const behind = known
      .filter(({ ailing }) => isBehind(ailing))
      .sort((a, b) => (a.ailing?.untilMs ?? 0) - (b.ailing?.untilMs ?? 0))
    return [...well, ...behind].map(({ item }) => item)
  }

  /** It is being asked. */
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

  /** It was asked, and nothing is known of how that would have gone. */
  released(key: string): void {
    const known = this.#ailing.get(key)
    if (known !== undefined) this.#ailing.set(key, { ...known, onTrial: false })
  }

  get size(): number {
    return this.#ailing.size
  }
}
