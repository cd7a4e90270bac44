import { totalmem } from 'node:os'
import { InferenceError, type InferenceRequest, normalizeModelId } from '../../protocol/index.ts'
import type { Backend, BackendEvent, BackendLoad, BackendModel, InferOptions } from '../backend.ts'
import { DEFAULT_CONTEXT, DEFAULT_SLOTS, type EmbeddedBackend } from '../embedded/index.ts'
import { modelFileName, modelIdOf } from '../model-id.ts'
import type { LoadOptions, ModelManager } from '../model-manager.ts'
import { requireSupport, selectModel } from '../select-model.ts'
import { cachedWeightsDigest } from '../weights/index.ts'
import type { EmbeddedPoolInit, PoolModel } from './init.ts'
import { Loader } from './loader.ts'
import { MeasuredLoads } from './measured-loads.ts'
import { estimatedBytes } from './memory.ts'
import { type EngineSettings, PoolEntry } from './pool-entry.ts'
import { PoolManager } from './pool-manager.ts'

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
  readonly #settings: EngineSettings
  readonly #loads: MeasuredLoads
  readonly #loader: Loader
  readonly #entries = new Map<string, PoolEntry>()
  readonly #listeners = new Set<() => void>()

  constructor(init: EmbeddedPoolInit, loads: MeasuredLoads) {
    this.#init = init
    const { slots = DEFAULT_SLOTS, contextSize = DEFAULT_CONTEXT, gpu = false } = init
    this.#settings = { slots, contextSize, gpu }
    this.#loads = loads
    this.modelsDir = init.modelsDir
    const machine = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
    this.maxMemoryBytes = init.maxMemoryBytes ?? Math.round(machine * MEMORY_SHARE)
    const [first] = init.models ?? []
    const files = (init.models?.length ?? 0) > 1 ? `${init.models?.length} models` : first?.path
    this.description = `embedded llama.cpp${files === undefined ? '' : ` with ${files}`}`
    this.#loader = new Loader({
      ...{ pool: init, settings: this.#settings, loads, maxMemoryBytes: this.maxMemoryBytes },
      entries: () => this.entries,
      onChange: () => this.#changed(),
    })
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
    const served = this.entries.filter(
      (entry) => !entry.isLeaving && this.refusalOf(entry) === undefined,
    )
    return await Promise.all(served.map((entry) => entry.model()))
  }

  async load(): Promise<BackendLoad> {
    const loaded = this.entries.flatMap(({ state }) =>
      state.status === 'loaded' ? [state.backend] : [],
    )
    const loads = await Promise.all(loaded.map((backend) => backend.load()))
    const isReady = loads.some(({ state }) => state === 'ready')
    const served = this.entries.filter((entry) => this.refusalOf(entry) === undefined)
    const isLoadable = served.length === 0 || loaded.length < served.length
    const rate = (name: 'decodeRate' | 'prefillRate'): number =>
      Math.max(0, ...loads.map((load) => load[name]))
    const coldStarts = this.entries.flatMap(({ coldStartMs }) => coldStartMs ?? [])
    return {
      state: isReady || isLoadable ? 'ready' : 'loading',
      slots: this.#settings.slots,
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
    this.#requireFits(this.#entries.get(normalizeModelId(request.body.model)))
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
      }).catch((error: unknown) => {
        this.#requireFits(entry)
        throw error
      })
      yield* backend.infer(request, options)
    } finally {
      entry.active -= 1
      this.#loader.noteUse(entry)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader.close(new InferenceError('engine_failed', 'the embedded engine was closed'))
  }

  /** Serves a model that is not in memory yet. @returns the entry, also if the model was served before */
  async add({ path, id }: PoolModel): Promise<PoolEntry> {
    const before = this.#known(path)
    if (before !== undefined) return before
    const { slots, contextSize } = this.#settings
    const { header, key } = await PoolEntry.read(path, this.#settings)
    // Another call may have added it meanwhile.
    const known = this.#known(path)
    if (known !== undefined) return known
    const memoryBytes = estimatedBytes(header, { slots, contextLength: contextSize })
    const wanted = id ?? modelIdOf(path)
    const holder = this.#entries.get(wanted)
    // One that cannot be loaded gives its id to a smaller quantization.
    if (holder !== undefined && !holder.holdsMemory && this.refusalOf(holder) !== undefined) {
      this.#entries.delete(wanted)
    }
    const entry = new PoolEntry({
      // Another quantization of a served model is told apart by its file's name.
      id: this.#entries.has(wanted) ? modelFileName(path) : wanted,
      ...{ path, key, header, contextSize, memoryBytes, measured: this.#loads.get(key) },
    })
    if (this.#entries.has(entry.id)) {
      throw new InferenceError('invalid_request', `a model '${entry.id}' is served already`)
    }
    this.#entries.set(entry.id, entry)
    const { signal } = this.#loader
    const { cacheDir } = this.#init
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

  /**
   * Ends serving a model: it takes no requests any more, and leaves memory.
   *
   * @param before the last step; the model stays if it fails
   * @throws InferenceError `over_capacity` while it answers
   */
  async drop(entry: PoolEntry, before?: () => Promise<void>): Promise<void> {
    entry.checkServed()
    entry.checkIdle()
    entry.isLeaving = true
    this.#changed()
    try {
      await this.#loader.unload(entry)
      await before?.()
      this.#entries.delete(entry.id)
    } catch (error) {
      entry.isLeaving = false
      throw error
    } finally {
      this.#changed()
    }
  }

  /** Loads the first models, as many as fit beside one another. */
  async fill({ signal, onProgress, onRefused }: EmbeddedPoolInit): Promise<void> {
    let used = 0
    for (const entry of this.entries) {
      const isRefused = this.refusalOf(entry) !== undefined
      if (!isRefused && used > 0 && used + entry.memoryBytes > this.maxMemoryBytes) break
      try {
        await this.loaded(entry, {
          ...(signal !== undefined && { signal }),
          ...(onProgress !== undefined && { onProgress }),
        })
        used += entry.memoryBytes
      } catch (error) {
        const refusal = this.refusalOf(entry)
        if (refusal === undefined || onRefused === undefined) throw error
        onRefused(refusal)
      }
    }
  }

  refusalOf(entry: PoolEntry): string | undefined {
    return this.#loader.room.refusalOf(entry)
  }

  async loaded(entry: PoolEntry, options?: LoadOptions): Promise<EmbeddedBackend> {
    return await this.#loader.loaded(entry, options)
  }

  async unload(entry: PoolEntry): Promise<void> {
    await this.#loader.unload(entry)
  }

  /** For a request: another peer may have the memory. @throws InferenceError `model_not_found`, with the reason */
  #requireFits(entry: PoolEntry | undefined): void {
    const refusal = entry && this.refusalOf(entry)
    if (refusal !== undefined) throw new InferenceError('model_not_found', refusal)
  }

  #known(path: string): PoolEntry | undefined {
    const known = this.entries.find((entry) => entry.path === path)
    known?.checkServed()
    return known
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
