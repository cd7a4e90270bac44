import type { BatchRequest, RequestOptions } from '../../client/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import { optionsOf } from '../answering/index.ts'
import type { GatewayLimits } from '../defaults.ts'
import type { GatewayClient } from '../gateway-client.ts'
import type { NamedModels } from '../named-models.ts'
import type { RateLimit, Reservation } from '../security/index.ts'
import { failed, type OnUsage, tokensFor, usageOf } from '../usage/index.ts'
import { batchResultLine, readBatchLine, unansweredLine } from './batch-line.ts'
import type { BatchRecord } from './batch-record.ts'
import type { FileStore } from './file-store.ts'
import { readLines } from './jsonl.ts'
import { validateFile } from './validate-file.ts'
import { WrittenResults } from './written-results.ts'

export interface BatchRunInit {
  readonly client: Pick<GatewayClient, 'batch'>
  readonly files: FileStore
  readonly limits: GatewayLimits
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives messages for the operator. */
  readonly log: (message: string) => void
  /** Writes the record to disk. */
  readonly save: (record: BatchRecord) => Promise<void>
  /** @throws InferenceError if the owner's key may not use the models, or no longer exists */
  readonly checkModels: (owner: string, named: NamedModels) => void
  /** The options within the rights of the owner's key. @throws InferenceError if no peer is left */
  readonly within: (owner: string, options: RequestOptions) => RequestOptions
  /** Receives what each request used. */
  readonly onUsage?: OnUsage
  /** Limits of the owner's tokens. */
  readonly meter: Pick<RateLimit, 'reserve' | 'reserveInTurn'>
  /** Called before and after it waits for tokens. */
  readonly onWait: (waits: boolean) => void
}

/** Reason of a run that ends early. */
class Stopped extends Error {
  override readonly name: string = 'Stopped'
}

/** One batch from validation to its end, across restarts: requests with a result on disk are not repeated. */
export class BatchRun {
  readonly #init: BatchRunInit
  readonly #controller = new AbortController()
  #record: BatchRecord
  #results: WrittenResults | undefined
  /** Result lines of requests that the owner's key does not allow. */
  readonly #refused: string[] = []
  /** Tokens of running requests, by the requests' ids. */
  readonly #reserved = new Map<string, Reservation>()

  constructor(init: BatchRunInit, record: BatchRecord) {
    this.#init = init
    this.#record = record
  }

  /** Current state. */
  get record(): BatchRecord {
    const results = this.#results
    if (results === undefined) return this.#record
    const { completed, failed, usage } = results
    return { ...this.#record, usage, counts: { ...this.#record.counts, completed, failed } }
  }

  /** Ends it permanently, with the results so far. @throws disk errors; it is cancelled nevertheless */
  async cancel(): Promise<void> {
    const saved = this.#save({ status: 'cancelling', cancelling_at: this.#seconds() })
    this.stop()
    await saved
  }

  /** Stops it; the next run continues it. */
  stop(): void {
    this.#controller.abort(new Stopped('the batch is stopped'))
  }

  /** @throws disk errors; the batch stays unchanged for the next run */
  async run(): Promise<void> {
    const { files } = this.#init
    if (!(await this.#hasInput()) || (await this.#isRefused())) return
    const { output_file_id, error_file_id } = this.#record
    const paths = { output: files.pathOf(output_file_id), errors: files.pathOf(error_file_id) }
    this.#results = await WrittenResults.open(paths, this.#init.log)
    if (this.#record.status === 'in_progress') {
      try {
        await this.#ask(this.#results)
      } catch (error) {
        if (!(error instanceof Stopped)) throw error
      }
    }
    await this.#finish()
  }

  /** A batch that needs its input and finds it gone fails. */
  async #hasInput(): Promise<boolean> {
    const { input_file_id, status } = this.#record
    const isNeeded = status === 'validating' || status === 'in_progress'
    if (!isNeeded || (await this.#init.files.hasContent(input_file_id))) return true
    const message = `the content of ${input_file_id} is missing: upload the file again`
    const errors = [{ code: 'invalid_request', line: null, message, param: 'input_file_id' }]
    await this.#save({ status: 'failed', failed_at: this.#seconds(), errors })
    return false
  }

  async #isRefused(): Promise<boolean> {
    return this.#record.status === 'validating' && !(await this.#validate())
  }

  async #validate(): Promise<boolean> {
    const { files, limits } = this.#init
    const { input_file_id, endpoint } = this.#record
    const { total, errors } = await validateFile(files.pathOf(input_file_id), {
      endpoint,
      maxLineBytes: limits.maxBodyBytes,
      maxRequests: limits.maxBatchRequests,
    })
    if (errors.length > 0) {
      await this.#save({ status: 'failed', failed_at: this.#seconds(), errors: [...errors] })
      return false
    }
    if (this.#record.status !== 'validating') return true
    const counts = { total, completed: 0, failed: 0 }
    await this.#save({ status: 'in_progress', in_progress_at: this.#seconds(), counts })
    return true
  }

  async #ask(results: WrittenResults): Promise<void> {
    try {
      while (this.#leftMs > 0 && !(await this.#askAsAllowed(results))) {
        // The rights of the key have changed: the remaining requests are asked within the new ones.
      }
    } catch (error) {
      if (this.#leftMs > 0) throw error
    }
    await this.#writeRefused(results)
    // Requests without a result when it expired.
    for await (const { id } of this.#requests(results)) {
      await results.add(unansweredLine(id, 'batch_expired'), 'failed')
    }
  }

  /** @returns whether all requests were asked; otherwise the rights of the owner's key have changed */
  async #askAsAllowed(results: WrittenResults): Promise<boolean> {
    const { owner } = this.#record
    const { signal } = this.#controller
    const allowed = this.#allowedNow()
    const source = this.#paced(results, allowed)
    const options = { ...(allowed ?? { trusted: [] }), signal, deadlineMs: this.#leftMs }
    for await (const result of this.#init.client.batch(source.requests, options)) {
      if (result.error?.code === 'deadline_exceeded' && this.#leftMs <= 0) continue
      await results.add(batchResultLine(result), result.answer ? 'completed' : 'failed')
      this.#init.onUsage?.(result.answer ? usageOf(owner, result.answer) : failed(owner))
      this.#reserved.get(result.id)?.charge(result.answer?.usage.total_tokens ?? 0)
      this.#reserved.delete(result.id)
    }
    await this.#writeRefused(results)
    return !source.isOutdated()
  }

  /** The options within the rights of the owner's key; undefined if these leave no peer, and nothing may be sent. */
  #allowedNow(): RequestOptions | undefined {
    try {
      return this.#allowed()
    } catch (error) {
      if (!InferenceError.is(error)) throw error
      return undefined
    }
  }

  #allowed(): RequestOptions {
    const { asking, owner } = this.#record
    return this.#init.within(owner, optionsOf(asking, this.#init))
  }

  /** Once no other line is written: two writers of one file could mix their lines. */
  async #writeRefused(results: WrittenResults): Promise<void> {
    for (const line of this.#refused.splice(0)) await results.add(line, 'failed')
  }

  /** Until it expires. */
  get #leftMs(): number {
    return this.#record.expires_at * 1_000 - this.#init.now()
  }

  /**
   * Batches respect the limit of their key: requests above it wait. The requests end early when the key's rights are no
   * longer those of `allowed`.
   */
  #paced(
    results: WrittenResults,
    allowed: RequestOptions | undefined,
  ): { readonly requests: AsyncGenerator<BatchRequest, void, void>; isOutdated(): boolean } {
    const rights = JSON.stringify(allowed)
    let isOutdated = false
    const read = async function* (this: BatchRun): AsyncGenerator<BatchRequest, void, void> {
      for await (const request of this.#requests(results)) {
        let reserved: Reservation | undefined
        try {
          this.#init.checkModels(this.#record.owner, request.body)
          reserved = await this.#reserve(request)
          // It may have waited.
          this.#init.checkModels(this.#record.owner, request.body)
          isOutdated = JSON.stringify(this.#allowed()) !== rights
        } catch (error) {
          reserved?.charge(0)
          if (!InferenceError.is(error)) throw error
          this.#refused.push(batchResultLine({ id: request.id, index: 0, request, error }))
          continue
        }
        if (isOutdated || this.#leftMs <= 0) {
          reserved?.charge(0)
          return
        }
        if (reserved !== undefined) this.#reserved.set(request.id, reserved)
        yield request
      }
    }
    return { requests: read.call(this), isOutdated: () => isOutdated }
  }

  async #reserve({ kind, body }: BatchRequest): Promise<Reservation | undefined> {
    const { meter, onWait } = this.#init
    const { owner } = this.#record
    const estimate = (): number => tokensFor(kind, body)
    try {
      return meter.reserve(owner, estimate)
    } catch (error) {
      if (!InferenceError.is(error, 'rate_limited')) throw error
    }
    onWait(true)
    try {
      return await meter.reserveInTurn(owner, estimate, this.#controller.signal)
    } finally {
      onWait(false)
    }
  }

  async *#requests(results: WrittenResults): AsyncGenerator<BatchRequest, void, void> {
    const { files, limits } = this.#init
    const path = files.pathOf(this.#record.input_file_id)
    for await (const { text } of readLines(path, { maxLineBytes: limits.maxBodyBytes })) {
      const request = readBatchLine(text)
      if (!results.has(request.id)) yield request
    }
  }

  async #finish(): Promise<void> {
    const { completed, failed, total } = this.record.counts
    const isCancelled = this.#record.status === 'cancelling'
    if (!isCancelled && completed + failed < total) return
    const at = this.#seconds()
    const { id, owner, output_file_id, error_file_id, expires_at } = this.#record
    const { files } = this.#init
    const about = (kind: string) => ({ owner, filename: `${id}_${kind}.jsonl` })
    const hasOutput = await files.addResults(output_file_id, about('output'))
    const hasErrors = await files.addResults(error_file_id, about('error'))
    const ended = { ...this.record, finalizing_at: at, hasOutput, hasErrors }
    if (isCancelled) await this.#save({ ...ended, status: 'cancelled', cancelled_at: at })
    else if (at >= expires_at) await this.#save({ ...ended, status: 'expired', expired_at: at })
    else await this.#save({ ...ended, status: 'completed', completed_at: at })
  }

  async #save(change: Partial<BatchRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change }
    await this.#init.save(this.#record)
  }

  #seconds(): number {
    return Math.floor(this.#init.now() / 1_000)
  }
}
