import { InferenceError } from '../../protocol/index.ts'
import type { KeyUsage } from '../usage/index.ts'

/** Prompt and completion tokens that a key may use together. */
export interface KeyBudget {
  readonly tokens: number
  /** By UTC. `ever`: once, until the budget is raised. */
  readonly per: 'day' | 'month' | 'ever'
  /** Milliseconds since 1970; what was used on earlier days, by an older key of the name, does not count. @default 0 */
  readonly sinceMs?: number
}

/** Tokens that a key has used since a time, as recorded by all gateways that share the record. */
export type SpentTokens = (key: string, sinceMs: number) => number

export interface KeyBudgetsInit {
  readonly budgetOf: (key: string) => KeyBudget | undefined
  /** @default counted by this gateway only, since its start */
  readonly spent?: SpentTokens | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** How old the record of other gateways may be. */
const READ_EVERY_MS = 5_000
/** When a caller may ask again whose budget is used up for good: it may have been raised. */
const RAISED_MS = 86_400_000

/** What one key used in the current period of its budget. */
interface Account {
  readonly sinceMs: number
  /** Charged here, requests that run included. */
  charged: number
  /** Those of them that were recorded when they ended. */
  recorded: number
  /** Recorded by others, or before this gateway started. */
  others: number
  readAtMs: number
}

/** The part of a budget that one request has drawn. */
export interface Drawn {
  /** @param tokens what the answer has cost so far, in place of what was drawn before */
  charge(tokens: number): void
}

/** Enforces the budgets of keys. */
export class KeyBudgets {
  readonly #init: KeyBudgetsInit
  readonly #accounts = new Map<string, Account>()

  constructor(init: KeyBudgetsInit) {
    this.#init = init
  }

  /** Whether the key has a budget. */
  has(key: string): boolean {
    return this.#init.budgetOf(key) !== undefined
  }

  /** Tokens left; undefined: no budget. */
  left(key: string): number | undefined {
    const budget = this.#init.budgetOf(key)
    if (budget === undefined) return undefined
    return Math.max(0, budget.tokens - spentOf(this.#account(key, budget)))
  }

  /**
   * Draws the tokens that an answer may need, if any are left.
   *
   * @throws InferenceError `rate_limited`, with the time until the budget begins anew
   */
  draw(key: string, tokens: number): Drawn | undefined {
    const budget = this.#init.budgetOf(key)
    if (budget === undefined) return undefined
    const account = this.#account(key, budget)
    if (spentOf(account) >= budget.tokens) throw this.#drained(budget)
    account.charged += tokens
    let drawn = tokens
    return {
      charge(total) {
        account.charged += total - drawn
        drawn = total
      },
    }
  }

  /** Notes a request that ended, before it is recorded. */
  recorded({ key, promptTokens, completionTokens }: KeyUsage): void {
    const account = this.#accounts.get(key)
    if (account !== undefined) account.recorded += promptTokens + completionTokens
  }

  #account(key: string, { per, sinceMs: firstMs = 0 }: KeyBudget): Account {
    const { now, spent } = this.#init
    const sinceMs = Math.max(firstMs, startOf(per, now()))
    let account = this.#accounts.get(key)
    if (account?.sinceMs !== sinceMs) {
      const empty = { charged: 0, recorded: 0, others: 0, readAtMs: Number.NEGATIVE_INFINITY }
      account = { sinceMs, ...empty }
      this.#accounts.set(key, account)
    }
    // A clock that was set back makes the last reading old, too.
    if (spent !== undefined && Math.abs(now() - account.readAtMs) >= READ_EVERY_MS) {
      account.others = Math.max(0, spent(key, sinceMs) - account.recorded)
      account.readAtMs = now()
    }
    return account
  }

  #drained({ tokens, per }: KeyBudget): InferenceError {
    const { now } = this.#init
    const endMs = endOf(per, now())
    const when =
      endMs === undefined ? 'ask for a larger one' : `it begins anew at ${isoSeconds(endMs)}`
    const what = per === 'ever' ? `${tokens} tokens` : `${tokens} tokens per ${per}`
    return new InferenceError('rate_limited', `this key has used its budget of ${what}: ${when}`, {
      retryAfterMs: endMs === undefined ? RAISED_MS : Math.max(1, endMs - now()),
    })
  }
}

function spentOf({ charged, others }: Account): number {
  return charged + others
}

function startOf(per: KeyBudget['per'], nowMs: number): number {
  if (per === 'ever') return 0
  const date = new Date(nowMs)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), per === 'day' ? date.getUTCDate() : 1)
}

function endOf(per: KeyBudget['per'], nowMs: number): number | undefined {
  if (per === 'ever') return undefined
  const date = new Date(nowMs)
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  return per === 'day' ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1, 1)
}

function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace('.000', '')
}
