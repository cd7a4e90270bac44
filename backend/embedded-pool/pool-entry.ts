import { stat } from 'node:fs/promises'
import { defined, InferenceError } from '../../protocol/index.ts'
import type { BackendModel } from '../backend.ts'
import { type EmbeddedBackend, fileModel } from '../embedded/index.ts'
import { type GgufHeader, ggufFacts, readGgufHeader } from '../gguf/index.ts'
import type { MeasuredLoad } from './measured-loads.ts'

/** Assumed reading speed of a disk, for a model that was never loaded. */
const BYTES_PER_SECOND = 200_000_000
/** Start of an engine process. */
const START_MS = 1_000
/** A model that could not be loaded is not tried again for this long. */
const RETRY_AFTER_MS = 5_000

export type EntryState =
  | { readonly status: 'idle' }
  /** It waits for its turn, then for memory, and holds none yet. */
  | { readonly status: 'queued'; readonly stop: AbortController; readonly done: Promise<void> }
  | { readonly status: 'loading'; readonly stop: AbortController; readonly done: Promise<void> }
  | { readonly status: 'loaded'; readonly backend: EmbeddedBackend; readonly mark: AsyncDisposable }
  | { readonly status: 'unloading'; readonly done: Promise<void> }

export interface PoolEntryInit {
  readonly id: string
  readonly path: string
  readonly key: string
  readonly header: GgufHeader
  readonly memoryBytes: number
  readonly contextSize: number
  readonly measured: MeasuredLoad | undefined
}

/** How the engine runs every model of a pool. The memory of a model depends on it, besides its file. */
export interface EngineSettings {
  readonly slots: number
  readonly contextSize: number
  readonly gpu: false | 'auto'
}

/** One model of the pool, in memory or not. */
export class PoolEntry {
  readonly id: string
  readonly path: string
  /** Of its measured loads: changes whenever the file or a setting of the engine does. */
  readonly key: string
  readonly fileBytes: number
  /** Called with the share of the model that is loaded. */
  readonly waiting: Set<(share: number) => void> = new Set()
  state: EntryState = { status: 'idle' }
  /** Requests that run, or wait for the model. */
  active = 0
  /** While it ends to be served: it takes no requests. */
  isLeaving: boolean = false
  /** Of the last request, by the pool's count of requests. */
  usedAt = 0
  /** The larger one of what is estimated and what was measured. */
  memoryBytes: number
  /** Whether that is what was measured. */
  isMeasured: boolean
  coldStartMs: number | undefined
  digest: string | undefined
  /** By its file, until it is loaded for the first time. */
  readonly #fileModel: BackendModel
  /** As last served. */
  #model: BackendModel | undefined
  readonly #init: PoolEntryInit
  #failure: { readonly error: InferenceError; readonly untilMs: number } | undefined

  constructor(init: PoolEntryInit) {
    this.#init = init
    this.id = init.id
    this.path = init.path
    this.key = init.key
    this.fileBytes = init.header.fileBytes
    this.#fileModel = fileModel(ggufFacts(init.header), init)
    this.memoryBytes = Math.max(init.memoryBytes, init.measured?.memoryBytes ?? 0)
    this.coldStartMs = init.measured?.coldStartMs
    this.isMeasured = isAbove(init.measured, init.memoryBytes)
  }

  /** @throws InferenceError `invalid_request` for a file that is not a model */
  static async read(
    path: string,
    { slots, contextSize, gpu }: EngineSettings,
  ): Promise<{ readonly header: GgufHeader; readonly key: string }> {
    const [header, { size, mtimeMs }] = await Promise.all([readGgufHeader(path), stat(path)])
    const settings = `slots=${slots} context=${contextSize} gpu=${gpu}`
    return { header, key: `${path} ${size} ${Math.round(mtimeMs)} ${settings}` }
  }

  /** Whether its memory is in use, or about to be. */
  get holdsMemory(): boolean {
    return this.state.status !== 'idle' && this.state.status !== 'queued'
  }

  /** As it is advertised: with what a cold start costs, unless it is in memory. */
  async model(): Promise<BackendModel> {
    if (this.state.status === 'loaded') {
      const [model] = await this.state.backend.models()
      if (model !== undefined) {
        this.#model = model
        return model
      }
    }
    const { digest } = this
    const model = this.#model ?? { ...this.#fileModel, ...defined({ digest }) }
    const estimatedMs = START_MS + (this.fileBytes / BYTES_PER_SECOND) * 1_000
    return { ...model, coldStartMs: Math.max(1, Math.round(this.coldStartMs ?? estimatedMs)) }
  }

  noteLoaded(load: MeasuredLoad): void {
    this.#failure = undefined
    this.memoryBytes = Math.max(this.#init.memoryBytes, load.memoryBytes)
    this.isMeasured = isAbove(load, this.#init.memoryBytes)
    this.coldStartMs = load.coldStartMs
  }

  noteFailed(error: InferenceError, nowMs: number): void {
    this.#failure = { error, untilMs: nowMs + RETRY_AFTER_MS }
  }

  /** @throws InferenceError `over_capacity` while it answers */
  checkIdle(): void {
    if (this.active === 0) return
    throw new InferenceError('over_capacity', `${this.id} is answering: it stays in memory`, {
      retryAfterMs: 1_000,
    })
  }

  /** @throws InferenceError `loading` if it ends to be served */
  checkServed(): void {
    if (this.isLeaving) throw new InferenceError('loading', `${this.id} has just left`)
  }

  /** @throws InferenceError the last failure to load it, for a while */
  checkUsable(nowMs: number): void {
    if (this.#failure !== undefined && nowMs < this.#failure.untilMs) throw this.#failure.error
  }
}

function isAbove(load: MeasuredLoad | undefined, estimatedBytes: number): boolean {
  return load !== undefined && load.memoryBytes >= estimatedBytes
}
