import { defined, InferenceError, normalizeModelId } from '../../protocol/index.ts'
import { modelFileName } from '../model-id.ts'
import type {
  LoadOptions,
  ManagedModel,
  ManagedState,
  ModelManager,
  PullOptions,
} from '../model-manager.ts'
import {
  findLocalModel,
  type LocalModel,
  localModels,
  type ModelSourceInit,
  removeLocalModel,
  resolveModelSource,
} from '../model-source/index.ts'
import type { PoolEntry } from './pool-entry.ts'

/** The part of a pool that its manager uses. */
export interface ManagedPool {
  /** Absent: nothing is downloaded. */
  readonly modelsDir: string | undefined
  readonly entries: readonly PoolEntry[]
  add(model: { readonly path: string }): Promise<PoolEntry>
  /** @param before runs while the model takes no requests any more; the model stays if it fails */
  drop(entry: PoolEntry, before?: () => Promise<void>): Promise<void>
  loaded(entry: PoolEntry, options?: LoadOptions): Promise<unknown>
  unload(entry: PoolEntry): Promise<void>
  /** Why a model can never be loaded, and what to do. */
  refusalOf(entry: PoolEntry): string | undefined
  onChange(listener: () => void): () => void
}

/** The downloaded models, and those that the pool serves. */
export class PoolManager implements ModelManager {
  readonly engine = 'embedded'
  readonly #pool: ManagedPool
  readonly #source: Omit<ModelSourceInit, 'cacheDir'>

  constructor(pool: ManagedPool, source: Omit<ModelSourceInit, 'cacheDir'>) {
    this.#pool = pool
    this.#source = source
  }

  async list(): Promise<readonly ManagedModel[]> {
    const { modelsDir } = this.#pool
    const local = modelsDir === undefined ? [] : await localModels(modelsDir)
    const entries = this.#pool.entries
    const others = entries.filter(({ path }) => !local.some((model) => model.path === path))
    return [
      ...local.map((model) =>
        this.#managed(
          model,
          entries.find(({ path }) => path === model.path),
        ),
      ),
      ...others.map((entry) => this.#ownFile(entry)),
    ]
  }

  async pull(source: string, options: PullOptions = {}): Promise<string> {
    const { signal, sha256, onProgress } = options
    if (!/^(hf:|https?:\/\/)/i.test(source)) {
      throw new InferenceError(
        'invalid_request',
        `'${source}' is not of the form hf:org/repo/file.gguf, or an https URL`,
        { details: { param: 'model' } },
      )
    }
    const { path } = await resolveModelSource(source, {
      ...{ ...this.#source, cacheDir: this.#directory() },
      ...(signal !== undefined && { signal }),
      ...(sha256 !== undefined && { sha256 }),
      onProgress: ({ receivedBytes, totalBytes = 0 }) =>
        onProgress?.({ status: 'downloading', receivedBytes, totalBytes }),
    })
    return modelFileName(path)
  }

  isAnswering(name: string): boolean {
    return (this.#find(name)?.active ?? 0) > 0
  }

  async load(name: string, options: LoadOptions = {}): Promise<void> {
    await this.#pool.loaded(await this.#entryOf(name), options)
  }

  async unload(name: string): Promise<void> {
    await this.#pool.unload(this.#served(name))
  }

  async serve(name: string): Promise<void> {
    const refusal = this.#pool.refusalOf(await this.#entryOf(name))
    if (refusal === undefined) return
    throw new InferenceError('invalid_request', refusal, { details: { param: 'model' } })
  }

  async withdraw(name: string): Promise<void> {
    await this.#pool.drop(this.#served(name))
  }

  async remove(name: string): Promise<void> {
    const modelsDir = this.#directory()
    const model = await findLocalModel(modelsDir, name)
    const entry = this.#pool.entries.find(({ path }) => path === model.path)
    if (entry !== undefined && entry.state.status !== 'idle') {
      throw new InferenceError('over_capacity', `${model.name} is in memory: unload it first`, {
        details: { param: 'model' },
      })
    }
    const removed = async (): Promise<void> => await removeLocalModel(modelsDir, model)
    await (entry === undefined ? removed() : this.#pool.drop(entry, removed))
  }

  onChange(listener: () => void): () => void {
    return this.#pool.onChange(listener)
  }

  #managed(model: LocalModel, entry: PoolEntry | undefined): ManagedModel {
    const { name, bytes, sha256, source, path } = model
    return {
      ...{ name, bytes, source, path, isServed: false },
      users: model.users.filter((pid) => pid !== process.pid),
      id: entry?.id ?? model.id,
      state: sha256 === undefined ? 'partial' : stateOf(entry),
      ...defined({ sha256 }),
      ...(entry !== undefined && this.#factsOf(entry)),
    }
  }

  /** A file of the owner's own, which was not downloaded. */
  #ownFile(entry: PoolEntry): ManagedModel {
    const { id, path, fileBytes } = entry
    return {
      ...{ name: id, id, bytes: fileBytes, source: '', path, state: stateOf(entry) },
      ...this.#factsOf(entry),
    }
  }

  #factsOf(entry: PoolEntry): Pick<ManagedModel, 'isServed'> & Partial<ManagedModel> {
    const { memoryBytes, coldStartMs } = entry
    const refusal = this.#pool.refusalOf(entry)
    return { isServed: refusal === undefined, memoryBytes, ...defined({ coldStartMs, refusal }) }
  }

  async #entryOf(name: string): Promise<PoolEntry> {
    const served = this.#find(name)
    served?.checkServed()
    if (served !== undefined) return served
    const { path, sha256 } = await findLocalModel(this.#directory(), name)
    if (sha256 !== undefined) return await this.#pool.add({ path })
    throw new InferenceError(
      'invalid_request',
      `the download of ${name} was interrupted: pull it again first`,
      { details: { param: 'model' } },
    )
  }

  #directory(): string {
    const { modelsDir } = this.#pool
    if (modelsDir !== undefined) return modelsDir
    throw new InferenceError(
      'capability_unavailable',
      'there is no directory for downloaded models here: set XDG_CACHE_HOME',
    )
  }

  #served(name: string): PoolEntry {
    const entry = this.#find(name)
    if (entry !== undefined) return entry
    const names = this.#pool.entries.map(({ id }) => id).join(', ')
    throw new InferenceError(
      'model_not_found',
      `'${name}' is not served here, but ${names || 'no model'}`,
      { details: { param: 'model' } },
    )
  }

  #find(name: string): PoolEntry | undefined {
    const wanted = normalizeModelId(name)
    const byFile = this.#pool.entries.find(
      ({ path }) => path === name || modelFileName(path) === wanted,
    )
    return byFile ?? this.#pool.entries.find(({ id }) => id === wanted)
  }
}

function stateOf(entry: PoolEntry | undefined): ManagedState {
  if (entry === undefined) return 'on-disk'
  switch (entry.state.status) {
    case 'idle':
    case 'unloading':
      return 'on-disk'
    case 'queued':
    case 'loading':
      return 'loading'
    case 'loaded':
      return entry.active > 0 ? 'running' : 'loaded'
    default:
      return entry.state satisfies never
  }
}
