import type { createEmbeddedBackend, EmbeddedInit } from '../embedded/index.ts'
import type { ModelSourceInit } from '../model-source/index.ts'

/** A model file of the pool. */
export interface PoolModel {
  readonly path: string
  /** @default by the file's name */
  readonly id?: string
}

/** Which models the pool serves, and what they may use. */
export interface EmbeddedPoolInit
  extends Pick<EmbeddedInit, 'contextSize' | 'gpu' | 'slots' | 'threads'> {
  /** Served from the start; as many as fit are loaded, in this order. @default none */
  readonly models?: readonly PoolModel[]
  /** Downloaded models. They can be loaded by name. @default none, and nothing can be downloaded */
  readonly modelsDir?: string
  /** Where digests and measured loads are kept. @default not kept */
  readonly cacheDir?: string
  /** Memory for all models together, in bytes. @default three quarters of the machine's */
  readonly maxMemoryBytes?: number
  /** How downloads behave. */
  readonly source?: Pick<
    ModelSourceInit,
    'fetch' | 'hubToken' | 'hubUrl' | 'maxFruitlessTries' | 'retryDelayMs'
  >
  /** A request waits this long for memory that running requests hold. @default 30_000 */
  readonly memoryTimeoutMs?: number
  /** Fractions of 1 while the first models are loaded. */
  readonly onProgress?: (share: number) => void
  /**
   * Called for each of the first models that needs more than all the memory, with the reason and what to do; it is
   * listed with it, and not served. @default the creation fails
   */
  readonly onRefused?: (reason: string) => void
  /** Aborts the creation. */
  readonly signal?: AbortSignal
  /** Starts an engine; for tests. @default `createEmbeddedBackend` */
  readonly createBackend?: typeof createEmbeddedBackend
}
