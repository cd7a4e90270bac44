import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { KeyUsage } from '../../gateway/index.ts'
import { reportDamage } from '../../storage/index.ts'
import { DamagedDatabaseError, openDatabase } from './open-database.ts'

const FILE_NAME = 'usage.sqlite'
const CONSEQUENCE = 'usage, and with it the token budgets of keys, counts from zero'
const DAY_MS = 86_400_000
/** Days that are kept by model; of earlier ones the sum of each key, which budgets count. */
const MAX_DAYS = 400
/** Days whose sums are kept. */
const MAX_SUMMED_DAYS = 3_650
/** Models of one key and day; further ones are counted together. */
const MAX_MODELS = 64
const OTHERS = '(others)'
/** Of an INSERT: adds the counts to a row that exists. */
const OR_ADD = `ON CONFLICT DO UPDATE SET
  requests = requests + excluded.requests, failed = failed + excluded.failed,
  prompt_tokens = prompt_tokens + excluded.prompt_tokens,
  completion_tokens = completion_tokens + excluded.completion_tokens`

/** One key, model and day. */
export interface UsageRow {
  /** UTC, e.g. `2026-11-29`. */
  readonly day: string
  readonly key: string
  /** Empty: requests that no model answered. */
  readonly model: string
  readonly requests: number
  readonly failed: number
  readonly promptTokens: number
  readonly completionTokens: number
}

/** The usage of a gateway's keys by day and model. */
export class UsageFile implements Disposable {
  readonly #database: DatabaseSync
  readonly #nowMs: () => number
  readonly #count: StatementSync
  readonly #models: StatementSync
  readonly #sumUp: StatementSync
  readonly #forgetModels: StatementSync
  readonly #forget: StatementSync
  readonly #spent: StatementSync
  #day: string = ''

  private constructor(database: DatabaseSync, nowMs: () => number) {
    this.#database = database
    this.#nowMs = nowMs
    this.#count = database.prepare(`INSERT INTO usage VALUES (?, ?, ?, 1, ?, ?, ?) ${OR_ADD}`)
    this.#models = database.prepare('SELECT model FROM usage WHERE day = ? AND key = ?')
    this.#sumUp = database.prepare(
      `INSERT INTO usage SELECT day, key, '${OTHERS}', SUM(requests), SUM(failed), SUM(prompt_tokens),
        SUM(completion_tokens) FROM usage WHERE day < ? AND model <> '${OTHERS}' GROUP BY day, key
        ${OR_ADD}`,
    )
    this.#forgetModels = database.prepare(
      `DELETE FROM usage WHERE day < ? AND model <> '${OTHERS}'`,
    )
    this.#forget = database.prepare('DELETE FROM usage WHERE day < ?')
    this.#spent = database.prepare(
      'SELECT SUM(prompt_tokens + completion_tokens) AS tokens FROM usage WHERE key = ? AND day >= ?',
    )
  }

  /**
   * Opens the file in a directory; several processes of one machine may count in it. A damaged one is renamed, and a
   * new one begun.
   *
   * @param nowMs milliseconds since 1970
   * @param onFault receives a message for the operator
   * @throws Error if the file was written by a newer version, or cannot be opened
   */
  static async open(
    directory: string,
    nowMs: () => number = Date.now,
    onFault: (message: string) => void = () => {},
  ): Promise<UsageFile> {
    const path = usagePath(directory)
    const database = await openDatabase(path).catch(async (error: unknown) => {
      if (!(error instanceof DamagedDatabaseError)) throw error
      await reportDamage(path, { consequence: CONSEQUENCE, onFault })
      // SQLite would apply the log of the old file to the new one.
      for (const log of [`${path}-wal`, `${path}-shm`]) await rm(log, { force: true })
      return await openDatabase(path)
    })
    return new UsageFile(database, nowMs)
  }

  /**
   * @param atMs when the request ended, in milliseconds since 1970; default: now
   * @throws Error if the disk takes no more, or another process writes for over a second
   */
  add(
    { key, model, outcome, promptTokens, completionTokens }: KeyUsage,
    atMs: number = this.#nowMs(),
  ): void {
    const day = dayOf(atMs)
    const today = dayOf(this.#nowMs())
    if (today !== this.#day) this.#forgetOld()
    this.#day = today
    const isFailed = outcome === 'failed' ? 1 : 0
    const counted = this.#boundedModel(day, key, model)
    this.#count.run(day, key, counted, isFailed, promptTokens, completionTokens)
  }

  /** Tokens of a key, prompts included, since the day of a time. */
  tokensOf(key: string, sinceMs: number): number {
    return Number(this.#spent.get(key, dayOf(sinceMs))?.['tokens'] ?? 0)
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }

  /** Peers choose the names of their models, so that their number is bounded. */
  #boundedModel(day: string, key: string, model: string): string {
    const rows = this.#models.all(day, key)
    const isKnown = rows.length < MAX_MODELS || rows.some((row) => row['model'] === model)
    return isKnown ? model : OTHERS
  }

  #forgetOld(): void {
    const before = dayOf(this.#nowMs() - MAX_DAYS * DAY_MS)
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      this.#sumUp.run(before)
      this.#forgetModels.run(before)
      this.#forget.run(dayOf(this.#nowMs() - MAX_SUMMED_DAYS * DAY_MS))
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }
}

/**
 * The usage since `days` days ago, oldest first; the file is not changed.
 *
 * @returns nothing if no gateway has counted yet
 */
export async function readUsage(
  directory: string,
  days: number,
  nowMs: number = Date.now(),
): Promise<UsageRow[]> {
  if (!existsSync(usagePath(directory))) return []
  const database = await openDatabase(usagePath(directory), { readOnly: true })
  try {
    return database
      .prepare(
        `SELECT day, key, model, requests, failed, prompt_tokens AS promptTokens,
          completion_tokens AS completionTokens FROM usage WHERE day > ? ORDER BY day, key, model`,
      )
      .all(dayOf(nowMs - days * DAY_MS)) as unknown as UsageRow[]
  } finally {
    database.close()
  }
}

function usagePath(directory: string): string {
  return join(directory, FILE_NAME)
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
