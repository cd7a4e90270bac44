import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import * as z from 'zod'
import { InferenceError, plainLine } from '../../protocol/index.ts'
import { diskFaultOf } from '../../storage/index.ts'
import type { Clock } from '../../timing/index.ts'
import { optionsOf } from '../answering/index.ts'
import { BATCH_ENDPOINTS } from './batch-line.ts'
import { type BatchRecord, hasEnded, newBatchId, readBatchRecord } from './batch-record.ts'
import { BatchRun, type BatchRunInit } from './batch-run.ts'
import { FileStore, newFileId } from './file-store.ts'
import { Records } from './records.ts'

export interface BatchesInit extends Omit<BatchRunInit, 'files' | 'onWait' | 'save'> {
  readonly directory: string
  /** Receives messages for the operator: a batch pauses, a file is damaged. */
  readonly log: (message: string) => void
  readonly clock: Clock
}

const WINDOW_SECONDS = 86_400
/** After a disk error. */
const RETRY_MS = 5_000
const MAX_REPORTED = 256
/** Batches that have ended are kept as long as OpenAI keeps their files. */
const KEPT_SECONDS = 2_592_000

const creation = z.strictObject({
  input_file_id: z.string(),
  endpoint: z.enum(Object.keys(BATCH_ENDPOINTS)),
  completion_window: z.literal('24h'),
  metadata: z
    .record(z.string().max(64), z.string().max(512))
    .refine((metadata) => Object.keys(metadata).length <= 16, { error: 'at most 16 entries' })
    .nullish(),
})

/** Batches on disk, including running ones. */
export class Batches {
  readonly files: FileStore
  readonly #init: BatchesInit
  readonly #records: Records<BatchRecord>
  readonly #runs = new Map<string, BatchRun>()
  readonly #running = new Set<Promise<void>>()
  /** Runs that have begun. */
  readonly #open = new Set<BatchRun>()
  /** Those of them that wait for tokens of their keys. */
  readonly #withoutTokens = new Set<BatchRun>()
  /** Timers of batches that will run again. */
  readonly #pauses = new Set<Disposable>()
  /** Last reported reason of a pause, by batch. */
  readonly #reported = new LRUCache<string, string>({ max: MAX_REPORTED })
  #waiting: BatchRun[] = []
  #closed: boolean = false

  private constructor(init: BatchesInit, files: FileStore, records: Records<BatchRecord>) {
    this.#init = init
    this.files = files
    this.#records = records
  }

  /** Continues unfinished batches. */
  static async open(init: BatchesInit): Promise<Batches> {
    const { directory, limits, now } = init
    const { maxFiles, maxFilesBytes } = limits
    const log = (message: string): void => init.log(plainLine(message))
    const files = await FileStore.open({ directory, maxFiles, maxFilesBytes, now, log })
    const records = await Records.open(join(directory, 'batches'), readBatchRecord, log)
    const batches = new Batches(init, files, records)
    for (const record of records.all().toReversed()) {
      if (!hasEnded(record)) batches.#queue(record)
    }
    return batches
  }

  get(id: string, owner: string): BatchRecord | undefined {
    const record = this.#records.get(id, owner)
    return record && this.#current(record)
  }

  /** Of all owners, newest first. */
  all(): readonly BatchRecord[] {
    return this.#records.all().map((record) => this.#current(record))
  }

  /** Newest first. */
  of(owner: string): readonly BatchRecord[] {
    return this.#records.of(owner).map((record) => this.#current(record))
  }

  /** @throws InferenceError `invalid_request` with the field or header at fault, `over_capacity` */
  async create(
    body: unknown,
    { owner, asking }: Pick<BatchRecord, 'asking' | 'owner'>,
  ): Promise<BatchRecord> {
    const parsed = creation.safeParse(body)
    if (!parsed.success) throw refusal(parsed.error)
    // Invalid options are rejected now, not line by line.
    this.#init.within(owner, optionsOf(asking, this.#init))
    const { input_file_id, metadata, ...rest } = parsed.data
    if (this.files.get(input_file_id, owner)?.purpose !== 'batch') {
      throw invalid(`file ${input_file_id} does not exist`, 'input_file_id')
    }
    await this.#expire()
    const created_at = Math.floor(this.#init.now() / 1_000)
    const record: BatchRecord = {
      ...rest,
      ...{ id: newBatchId(), owner, asking, input_file_id, created_at },
      metadata: metadata ?? null,
      status: 'validating',
      expires_at: created_at + WINDOW_SECONDS,
      ...{ output_file_id: newFileId(), error_file_id: newFileId() },
      ...{ hasOutput: false, hasErrors: false, errors: [] },
      counts: { total: 0, completed: 0, failed: 0 },
      usage: { input: 0, cached: 0, output: 0 },
    }
    await this.#records.put(record)
    this.#queue(record)
    return record
  }

  /**
   * @returns undefined if there is no such batch
   * @throws InferenceError `invalid_request` for one that has ended
   */
  async cancel(id: string, owner: string): Promise<BatchRecord | undefined> {
    const record = this.get(id, owner)
    if (record === undefined) return undefined
    const run = this.#runs.get(id)
    // A run that has ended is kept until its last state is on the disk.
    if (run === undefined || hasEnded(record)) {
      throw invalid(`the batch is ${record.status} already`, 'id')
    }
    await run.cancel().catch((error: unknown) => this.#reportPause(id, error))
    return run.record
  }

  /** @throws InferenceError `invalid_request` if a batch still needs it */
  async deleteFile(id: string): Promise<void> {
    const user = [...this.#runs.values()].find(({ record }) => record.input_file_id === id)
    if (user !== undefined) throw invalid(`batch ${user.record.id} still needs it`, 'id')
    await this.files.delete(id)
  }

  /** Stops running batches; they continue when the directory is opened again. */
  async close(): Promise<void> {
    this.#closed = true
    this.#waiting = []
    for (const pause of this.#pauses) pause[Symbol.dispose]()
    for (const run of this.#runs.values()) run.stop()
    await Promise.all(this.#running)
  }

  /** With the progress of its run, which is not on the disk yet. */
  #current(record: BatchRecord): BatchRecord {
    return this.#runs.get(record.id)?.record ?? record
  }

  #queue(record: BatchRecord): void {
    const run: BatchRun = new BatchRun(
      {
        ...this.#init,
        files: this.files,
        save: (changed) => this.#records.put(changed),
        onWait: (waits) => this.#waits(run, waits),
      },
      record,
    )
    this.#runs.set(record.id, run)
    this.#waiting.push(run)
    this.#startNext()
  }

  /** While a run waits for tokens of its key, another has its place. */
  #waits(run: BatchRun, waits: boolean): void {
    // A run that has ended may still learn that it no longer has to wait.
    if (!this.#open.has(run)) return
    if (waits) this.#withoutTokens.add(run)
    else this.#withoutTokens.delete(run)
    this.#startNext()
  }

  #startNext(): void {
    const { maxRunningBatches } = this.#init.limits
    while (!this.#closed && this.#open.size - this.#withoutTokens.size < maxRunningBatches) {
      const run = this.#takeNext()
      if (run === undefined) return
      this.#open.add(run)
      const running = this.#untilEnded(run).finally(() => {
        this.#running.delete(running)
        this.#open.delete(run)
        this.#withoutTokens.delete(run)
        this.#startNext()
      })
      this.#running.add(running)
    }
  }

  /** The oldest of the keys that have the fewest open. One key leaves a place to others. */
  #takeNext(): BatchRun | undefined {
    const { maxRunningBatches } = this.#init.limits
    const open = new Map<string, number>()
    for (const { record } of this.#open) open.set(record.owner, (open.get(record.owner) ?? 0) + 1)
    let next = -1
    let fewest = Number.POSITIVE_INFINITY
    for (const [index, { record }] of this.#waiting.entries()) {
      const own = open.get(record.owner) ?? 0
      const most = record.owner === '' ? maxRunningBatches : Math.max(1, maxRunningBatches - 1)
      if (own >= Math.min(most, fewest)) continue
      next = index
      fewest = own
    }
    return next < 0 ? undefined : this.#waiting.splice(next, 1)[0]
  }

  /** One run; a batch whose disk fails stays, can be cancelled, and runs again later. Never rejects. */
  async #untilEnded(run: BatchRun): Promise<void> {
    const { id } = run.record
    try {
      await run.run()
      this.#runs.delete(id)
    } catch (error) {
      this.#reportPause(id, error)
      if (this.#closed) return
      const pause = this.#init.clock.after(RETRY_MS, () => {
        this.#pauses.delete(pause)
        this.#waiting.push(run)
        this.#startNext()
      })
      this.#pauses.add(pause)
    }
  }

  /** Once for each reason. */
  #reportPause(id: string, error: unknown): void {
    const reason = diskFaultOf(error)?.reason ?? String(error)
    if (this.#reported.get(id) === reason) return
    this.#reported.set(id, reason)
    this.#init.log(`batch ${id} pauses: ${plainLine(reason)}; it is tried again`)
  }

  async #expire(): Promise<void> {
    const { now, limits } = this.#init
    const all = this.#records.all()
    const oldest = Math.floor(now() / 1_000) - KEPT_SECONDS
    for (const record of all) {
      if (hasEnded(record) && record.created_at < oldest) await this.#records.delete(record.id)
    }
    if (this.#records.size < limits.maxFiles) return
    throw new InferenceError(
      'over_capacity',
      `this gateway has reached its limit of ${limits.maxFiles} batches`,
    )
  }
}

function refusal(error: z.ZodError): InferenceError {
  const [issue] = error.issues
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined
  const param = unknown ?? issue?.path.map(String).join('.') ?? ''
  return invalid(`${param}: ${issue?.message ?? 'invalid'}`, param)
}

function invalid(message: string, param: string): InferenceError {
  return new InferenceError('invalid_request', message, { details: { param } })
}
