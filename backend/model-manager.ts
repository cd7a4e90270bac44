import type { AbortOptions } from '../timing/index.ts'

/** Where a model of this machine is. `running`: in memory, and answering. `partial`: its download was interrupted. */
export type ManagedState = 'partial' | 'on-disk' | 'loading' | 'loaded' | 'running'

/** A model that an engine of this machine has, in memory or not. */
export interface ManagedModel {
  /** As the manager's methods take it. */
  readonly name: string
  /** Id under which it is served. */
  readonly id: string
  /** Bytes on disk; 0 if unknown. */
  readonly bytes: number
  /** sha256 of its file, in hex. Absent if unknown. */
  readonly sha256?: string
  /** What it was downloaded from; empty if unknown. */
  readonly source: string
  readonly path?: string
  readonly state: ManagedState
  /** Whether requests can be answered with it: it is in memory, or loaded by the first request. */
  readonly isServed: boolean
  /** Bytes in memory, measured or estimated. Absent if unknown. */
  readonly memoryBytes?: number
  /** Measured time to load it. Absent if not measured. */
  readonly coldStartMs?: number
  /** Why it can never be loaded as things are, and what to do. Absent if it can, or is not known to be refused. */
  readonly refusal?: string
  /** Other processes that use it. */
  readonly users?: readonly number[]
}

/** Progress of a download. */
export interface PullProgress {
  /** What happens now, for a person. */
  readonly status: string
  readonly receivedBytes: number
  /** 0 if unknown. */
  readonly totalBytes: number
  /** sha256 of the part that is being downloaded, in hex, where the engine tells it. */
  readonly digest?: string
}

export interface PullOptions extends AbortOptions {
  /** Refuses a file with another sha256, in hex. */
  readonly sha256?: string
  /** Called as bytes arrive. @default no call */
  readonly onProgress?: (progress: PullProgress) => void
}

export interface LoadOptions extends AbortOptions {
  /** Fractions of 1, where the engine tells them. */
  readonly onProgress?: (share: number) => void
}

/**
 * Models of an engine on this machine. Loading stops no request that runs, and unloading waits for none: it is refused
 * with `over_capacity` while the model answers. Methods throw an InferenceError: `model_not_found` for an unknown name,
 * `invalid_request` for what can never work, `over_capacity` for what may work later, and what downloads throw.
 */
export interface ModelManager {
  readonly engine: 'embedded' | 'ollama' | 'llama-server'
  /** All models that the engine has here, in memory or not. */
  list(options?: AbortOptions): Promise<readonly ManagedModel[]>
  /** Absent if the engine downloads nothing. @returns the model's name */
  pull?(source: string, options?: PullOptions): Promise<string>
  /** Whether a model answers right now. Absent if the engine says it in lists only, or never. */
  isAnswering?(name: string): boolean
  /** Brings a model into memory, and serves it from then on. */
  load(name: string, options?: LoadOptions): Promise<void>
  /** Frees its memory. A request loads it again. */
  unload(name: string, options?: AbortOptions): Promise<void>
  /** Serves a model without loading it. Absent if the engine serves all that it has. */
  serve?(name: string, options?: AbortOptions): Promise<void>
  /** Ends serving a model, and frees its memory. Absent if the engine serves all that it has. */
  withdraw?(name: string, options?: AbortOptions): Promise<void>
  /** Deletes a model. Absent if the engine cannot. */
  remove?(name: string, options?: AbortOptions): Promise<void>
  /** Calls back after each change of what is served or in memory. @returns unsubscribe */
  onChange?(listener: () => void): () => void
}
