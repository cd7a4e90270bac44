import { InferenceError } from '../../protocol/index.ts'
import { raceSignal } from '../../timing/index.ts'
import { createEmbeddedBackend, type EmbeddedBackend } from '../embedded/index.ts'
import type { LoadOptions } from '../model-manager.ts'
import { markInUse } from '../model-source/index.ts'
import type { EmbeddedPoolInit } from './init.ts'
import type { MeasuredLoads } from './measured-loads.ts'
import { MemoryRoom } from './memory-room.ts'
import type { EngineSettings, PoolEntry } from './pool-entry.ts'

const MEMORY_TIMEOUT_MS = 30_000

export interface LoaderInit {
  readonly pool: EmbeddedPoolInit
  readonly settings: EngineSettings
  readonly loads: MeasuredLoads
  readonly maxMemoryBytes: number
  /** All models of the pool, in memory or not. */
  readonly entries: () => readonly PoolEntry[]
  /** Called when a model begins or ends to be loaded, or left memory. */
  readonly onChange: () => void
}

/** Takes models into memory and out of it. One is loaded at a time, so that memory is counted before the next one. */
export class Loader {
  readonly room: MemoryRoom
  readonly #init: LoaderInit
  readonly #life = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()
  /** Counts the uses of models. */
  #uses = 0

  constructor(init: LoaderInit) {
    this.#init = init
    this.room = new MemoryRoom({
      maxBytes: init.maxMemoryBytes,
      timeoutMs: init.pool.memoryTimeoutMs ?? MEMORY_TIMEOUT_MS,
      entries: init.entries,
      unload: async (entry) => await this.unload(entry),
    })
  }

  /** Fires when the pool is closed. */
  get signal(): AbortSignal {
    return this.#life.signal
  }

  /**
   * The engine of a model, loaded if it is not in memory.
   *
   * @throws InferenceError `over_capacity` if models that answer hold the memory, `invalid_request` if it takes more than
   * all the memory, `engine_failed` if it cannot be loaded, `loading` if it is no longer served; the signal's reason
   */
  async loaded(entry: PoolEntry, options: LoadOptions = {}): Promise<EmbeddedBackend> {
    const { signal, onProgress } = options
    const tell = (share: number): void => onProgress?.(share)
    entry.waiting.add(tell)
    try {
      for (;;) {
        this.#life.signal.throwIfAborted()
        entry.checkServed()
        const { state } = entry
        if (state.status === 'loaded') return state.backend
        if (state.status === 'idle') {
          entry.checkUsable(performance.now())
          this.#start(entry)
          continue
        }
        tell(0)
        await raceSignal(state.done, signal)
      }
    } finally {
      entry.waiting.delete(tell)
    }
  }

  /** Frees a model's memory. @throws InferenceError `over_capacity` while it answers, unless forced */
  async unload(entry: PoolEntry, { force = false }: { force?: boolean } = {}): Promise<void> {
    if (!force) entry.checkIdle()
    const { state } = entry
    if (state.status === 'queued' || state.status === 'loading') {
      state.stop.abort(new InferenceError('loading', `${entry.id} was unloaded`))
      await state.done.catch(() => undefined)
      return
    }
    if (state.status === 'loaded') {
      const { backend, mark } = state
      // An engine that ends with an error has ended, too.
      const ended = [backend[Symbol.asyncDispose](), mark[Symbol.asyncDispose]()]
      const done = Promise.allSettled(ended).then(() => {
        entry.state = { status: 'idle' }
        this.room.free()
        this.#init.onChange()
      })
      entry.state = { status: 'unloading', done }
    }
    if (entry.state.status === 'unloading') await entry.state.done
  }

  /** A request of a model has ended. */
  noteUse(entry: PoolEntry): void {
    entry.usedAt = ++this.#uses
    this.room.free()
  }

  async close(reason: InferenceError): Promise<void> {
    this.#life.abort(reason)
    const entries = this.#init.entries()
    await Promise.all(entries.map(async (entry) => await this.unload(entry, { force: true })))
  }

  #start(entry: PoolEntry): void {
    const stop = new AbortController()
    const done = this.#inTurn(entry, stop, this.#turn)
    this.#turn = Promise.allSettled([this.#turn, done])
    entry.state = { status: 'queued', stop, done }
    this.#init.onChange()
  }

  async #inTurn(entry: PoolEntry, stop: AbortController, turn: Promise<unknown>): Promise<void> {
    const signal = AbortSignal.any([stop.signal, this.#life.signal])
    try {
      await raceSignal(turn, signal)
      await this.room.make(entry, signal)
      if (entry.state.status === 'queued') entry.state = { ...entry.state, status: 'loading' }
      await this.#load(entry, signal)
      // What cannot leave now leaves for a later load.
      await this.room.settle(entry).catch(() => undefined)
    } catch (error) {
      entry.state = { status: 'idle' }
      const failure = InferenceError.from(signal.aborted ? signal.reason : error, 'engine_failed')
      if (failure.code === 'engine_failed') entry.noteFailed(failure, performance.now())
      throw failure
    } finally {
      this.#init.onChange()
    }
  }

  async #load(entry: PoolEntry, signal: AbortSignal): Promise<void> {
    const { pool, settings, loads } = this.#init
    const { threads, cacheDir } = pool
    const mark = await markInUse(entry.path, pool.modelsDir)
    const startedAt = performance.now()
    try {
      const backend = await (pool.createBackend ?? createEmbeddedBackend)({
        ...settings,
        ...{ modelPath: entry.path, modelId: entry.id, signal },
        ...(threads !== undefined && { threads }),
        ...(cacheDir !== undefined && { cacheDir }),
        onProgress: (share) => {
          for (const tell of entry.waiting) tell(share)
        },
      })
      if (signal.aborted) {
        await backend[Symbol.asyncDispose]()
        throw signal.reason
      }
      const coldStartMs = Math.max(1, Math.round(performance.now() - startedAt))
      const load = { coldStartMs, memoryBytes: backend.memoryBytes }
      entry.noteLoaded(load)
      if (this.room.refusalOf(entry) === undefined) {
        entry.state = { status: 'loaded', backend, mark }
        entry.usedAt = ++this.#uses
      } else await backend[Symbol.asyncDispose]()
      await loads.note(entry.key, load)
      // The bound holds for what was measured, whatever was estimated.
      this.room.requireFits(entry)
    } catch (error) {
      await mark[Symbol.asyncDispose]()
      throw error
    }
  }
}
