import { totalmem } from 'node:os'
import { InferenceError, type InferenceRequest } from '../../protocol/index.ts'
import { raceSignal, systemClock } from '../../timing/index.ts'
import type { Backend, BackendEvent, BackendLoad, BackendModel, InferOptions } from '../backend.ts'
import { createEmbeddedBackend, type EmbeddedBackend } from '../embedded/index.ts'
import { modelFileName, modelIdOf } from '../model-id.ts'
import type { LoadOptions, ModelManager } from '../model-manager.ts'
import { markInUse } from '../model-source/index.ts'
import { requireSupport, selectModel } from '../select-model.ts'
import { cachedWeightsDigest } from '../weights/index.ts'
import type { EmbeddedPoolInit, PoolModel } from './init.ts'
import { MeasuredLoads } from './measured-loads.ts'
import { estimatedBytes, toEvict } from './memory.ts'
import { PoolEntry } from './pool-entry.ts'
import { PoolManager } from './pool-manager.ts'

const DEFAULT_SLOTS = 4
const DEFAULT_CONTEXT = 4_096
const MEMORY_TIMEOUT_MS = 30_000
/** Of the machine's memory, for all models together. */
const MEMORY_SHARE = 0.75

/** Several models of the embedded engine, each in a process of its own, within one bound of memory. */
export interface EmbeddedPool extends Backend {
  readonly manager: ModelManager
  /** Of the models in memory: the GPU interface in use, `false` on the CPU alone. */
  readonly gpu: string | false
}

/**
 * Serves several GGUF files. A model that is not in memory is loaded by the first request for it, or by hand; the least
 * recently used idle ones leave for it. A model that answers never leaves: a request that finds no room waits, and fails
 * with `over_capacity` in the end.
 *
 * @throws what `createEmbeddedBackend` throws for the first model, and `invalid_request` for one that exceeds the memory
 */
export async function createEmbeddedPool(init: EmbeddedPoolInit): Promise<EmbeddedPool> {
  const pool = new Pool(init, await MeasuredLoads.open(init.cacheDir))
  try {
    for (const model of init.models ?? []) await pool.add(model)
    await pool.fill(init)
  } catch (error) {
    await pool[Symbol.asyncDispose]()
    throw error
  }
  return pool
}

class Pool implements EmbeddedPool {
  readonly description: string
  readonly manager: ModelManager
  readonly modelsDir: string | undefined
  readonly maxMemoryBytes: number
  readonly #init: EmbeddedPoolInit
  readonly #loads: MeasuredLoads
  readonly #entries = new Map<string, PoolEntry>()
  readonly #life = new AbortController()
  readonly #listeners = new Set<() => void>()
  /** One model is loaded at a time, so that memory is counted before the next one. */
  #turn: Promise<unknown> = Promise.resolve()
  #freed: PromiseWithResolvers<void> = Promise.withResolvers()
  #requests = 0

  constructor(init: EmbeddedPoolInit, loads: MeasuredLoads) {
    this.#init = init
    this.#loads = loads
    this.modelsDir = init.modelsDir
    const machine = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
    this.maxMemoryBytes = init.maxMemoryBytes ?? Math.round(machine * MEMORY_SHARE)
    const [first] = init.models ?? []
    const files = (init.models?.length ?? 0) > 1 ? `${init.models?.length} models` : first?.path
    this.description = `embedded llama.cpp${files === undefined ? '' : ` with ${files}`}`
    this.manager = new PoolManager(this, init.source ?? {})
  }

  get entries(): readonly PoolEntry[] {
    return [...this.#entries.values()]
  }

  get gpu(): string | false {
    const gpus = this.entries.map(({ state }) => state.status === 'loaded' && state.backend.gpu)
    return gpus.find((gpu) => gpu !== false) ?? false
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async models(): Promise<readonly BackendModel[]> {
    return await Promise.all(this.entries.map((entry) => entry.model()))
  }

  async load(): Promise<BackendLoad> {
    const loaded = this.entries.flatMap(({ state }) =>
      state.status === 'loaded' ? [state.backend] : [],
    )
    const loads = await Promise.all(loaded.map((backend) => backend.load()))
    const isReady = loads.some(({ state }) => state === 'ready')
    const isLoadable = this.entries.length === 0 || loaded.length < this.entries.length
    const rate = (name: 'decodeRate' | 'prefillRate'): number =>
      Math.max(0, ...loads.map((load) => load[name]))
    const coldStarts = this.entries.flatMap(({ coldStartMs }) => coldStartMs ?? [])
    return {
      state: isReady || isLoadable ? 'ready' : 'loading',
      slots: this.#init.slots ?? DEFAULT_SLOTS,
      prefillRate: rate('prefillRate'),
      decodeRate: rate('decodeRate'),
      ...(coldStarts.length > 0 && { coldStartMs: Math.max(...coldStarts) }),
    }
  }

  async *infer(
    request: InferenceRequest,
    options: InferOptions = {},
  ): AsyncGenerator<BackendEvent, void, void> {
    options.signal?.throwIfAborted()
    const model = selectModel(await this.models(), request.body.model)
    const entry = this.#entries.get(model.id)
    if (entry === undefined) throw new InferenceError('loading', `${model.id} has just left`)
    requireSupport(model, request)
    entry.active += 1
    try {
      const { onProgress } = options
      const backend = await this.loaded(entry, {
        ...(options.signal !== undefined && { signal: options.signal }),
        onProgress: (share) => onProgress?.({ phase: 'loading', share }),
      })
      yield* backend.infer(request, options)
    } finally {
      entry.active -= 1
      entry.usedAt = ++this.#requests
      this.#free()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new InferenceError('engine_failed', 'the embedded engine was closed'))
    await Promise.all(this.entries.map(async (entry) => await this.unload(entry, { force: true })))
  }

  /** Serves a model that is not in memory yet. @returns the entry, also if the model was served before */
  async add({ path, id }: PoolModel): Promise<PoolEntry> {
    const known = this.entries.find((entry) => entry.path === path)
    if (known !== undefined) return known
    const { header, key } = await PoolEntry.read(path)
    const { slots = DEFAULT_SLOTS, contextSize = DEFAULT_CONTEXT, cacheDir } = this.#init
    const memoryBytes = estimatedBytes(header, { slots, contextLength: contextSize })
    const wanted = id ?? modelIdOf(path)
    const entry = new PoolEntry({
      // Another quantization of a served model is told apart by its file's name.
      id: this.#entries.has(wanted) ? modelFileName(path) : wanted,
      ...{ path, key, header, contextSize, memoryBytes, measured: this.#loads.get(key) },
    })
    this.#requireFits(entry)
    if (this.#entries.has(entry.id)) {
      throw new InferenceError('invalid_request', `a model '${entry.id}' is served already`)
    }
    this.#entries.set(entry.id, entry)
    const { signal } = this.#life
    cachedWeightsDigest(path, { header, signal, ...(cacheDir !== undefined && { cacheDir }) })
      .then((digest) => {
        entry.digest = digest
        this.#changed()
      })
      // The model is usable without a digest.
      .catch(() => undefined)
    this.#changed()
    return entry
  }

  /** Ends serving a model. @throws InferenceError `over_capacity` while it answers */
  async drop(entry: PoolEntry): Promise<void> {
    await this.unload(entry)
    this.#entries.delete(entry.id)
    this.#changed()
  }

  /** Loads the first models, as many as fit beside one another. */
  async fill({ signal, onProgress }: LoadOptions): Promise<void> {
    let used = 0
    for (const entry of this.entries) {
      if (used > 0 && used + entry.memoryBytes > this.maxMemoryBytes) break
      await this.loaded(entry, {
        ...(signal !== undefined && { signal }),
        ...(onProgress !== undefined && { onProgress }),
      })
      used += entry.memoryBytes
    }
  }

  /**
   * The engine of a model, loaded if it is not in memory.
   *
   * @throws InferenceError `over_capacity` if models that answer hold the memory, `engine_failed` if it cannot be loaded;
   * the signal's reason
   */
  async loaded(entry: PoolEntry, options: LoadOptions = {}): Promise<EmbeddedBackend> {
    const { signal, onProgress } = options
    const tell = (share: number): void => onProgress?.(share)
    entry.waiting.add(tell)
    try {
      for (;;) {
        this.#life.signal.throwIfAborted()
        const { state } = entry
        if (state.status === 'loaded') return state.backend
        if (state.status === 'idle') {
          entry.checkUsable(performance.now())
          this.#startLoading(entry)
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
    if (entry.active > 0 && !force) {
      throw new InferenceError('over_capacity', `${entry.id} is answering: it stays in memory`, {
        retryAfterMs: 1_000,
      })
    }
    const { state } = entry
    if (state.status === 'loading') {
      state.stop.abort(new InferenceError('loading', `${entry.id} was unloaded`))
      await state.done.catch(() => undefined)
      return
    }
    if (state.status === 'loaded') {
      const done = Promise.all([
        state.backend[Symbol.asyncDispose](),
        state.mark[Symbol.asyncDispose](),
      ]).then(() => {
        entry.state = { status: 'idle' }
        this.#free()
        this.#changed()
      })
      entry.state = { status: 'unloading', done }
    }
    if (entry.state.status === 'unloading') await entry.state.done
  }

  #startLoading(entry: PoolEntry): void {
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#life.signal])
    const done = this.#turn.then(async () => {
      try {
        await this.#load(entry, signal)
      } catch (error) {
        entry.state = { status: 'idle' }
        const failure = InferenceError.from(error, 'engine_failed')
        if (failure.code === 'engine_failed') entry.noteFailed(failure, performance.now())
        throw failure
      } finally {
        this.#changed()
      }
    })
    this.#turn = done.catch(() => undefined)
    entry.state = { status: 'loading', stop, done }
    this.#changed()
  }

  async #load(entry: PoolEntry, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.#makeRoom(entry, signal)
    const { slots, contextSize, gpu, threads, cacheDir } = this.#init
    const mark = await markInUse(entry.path, this.modelsDir)
    const startedAt = performance.now()
    try {
      const backend = await (this.#init.createBackend ?? createEmbeddedBackend)({
        ...{ modelPath: entry.path, modelId: entry.id, signal },
        ...(slots !== undefined && { slots }),
        ...(contextSize !== undefined && { contextSize }),
        ...(threads !== undefined && { threads }),
        ...(gpu !== undefined && { gpu }),
        ...(cacheDir !== undefined && { cacheDir }),
        onProgress: (share) => {
          for (const tell of entry.waiting) tell(share)
        },
      })
      entry.state = { status: 'loaded', backend, mark }
      entry.usedAt = ++this.#requests
      const coldStartMs = Math.max(1, Math.round(performance.now() - startedAt))
      const load = { coldStartMs, memoryBytes: backend.memoryBytes }
      entry.noteLoaded(load)
      await this.#loads.note(entry.key, load)
    } catch (error) {
      await mark[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Idle models leave; while models that answer hold the memory, it waits. */
  async #makeRoom(entry: PoolEntry, signal: AbortSignal): Promise<void> {
    this.#requireFits(entry)
    const { memoryTimeoutMs = MEMORY_TIMEOUT_MS } = this.#init
    const giveUp = new AbortController()
    using _timer = systemClock.after(memoryTimeoutMs, () => giveUp.abort(this.#noRoom(entry)))
    for (;;) {
      const residents = this.entries.filter((one) => one !== entry && one.isResident)
      const leaving = toEvict(residents, entry.memoryBytes, this.maxMemoryBytes)
      if (leaving !== undefined) {
        for (const one of leaving) await this.unload(one)
        return
      }
      await raceSignal(this.#freed.promise, AbortSignal.any([signal, giveUp.signal]))
    }
  }

  #noRoom(entry: PoolEntry): InferenceError {
    const busy = this.entries.filter(({ active }) => active > 0 && active !== entry.active)
    const names = busy.map(({ id }) => id).join(', ')
    return new InferenceError(
      'over_capacity',
      `there is no memory for ${entry.id} while ${names || 'other models'} answer`,
      { retryAfterMs: 1_000 },
    )
  }

  #requireFits({ id, memoryBytes }: PoolEntry): void {
    if (memoryBytes <= this.maxMemoryBytes) return
    const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1_048_576)} MiB`
    throw new InferenceError(
      'invalid_request',
      `${id} needs ${mebibytes(memoryBytes)} of memory, and models may use ${mebibytes(this.maxMemoryBytes)}: raise --max-memory, or take a smaller model`,
      { details: { param: 'model' } },
    )
  }

  #free(): void {
    this.#freed.resolve()
    this.#freed = Promise.withResolvers()
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
