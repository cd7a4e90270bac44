/** A model of this machine. */
export interface LocalModel {
  readonly name: string
  /** Id under which it is served. */
  readonly id: string
  /** Whether it is the one that is served under its id, where several files have it. @default unknown */
  readonly isServed?: boolean
  /** Bytes on disk; 0 if unknown. */
  readonly bytes: number
  /** sha256 in hex. Absent if unknown. */
  readonly sha256?: string
  readonly state: 'partial' | 'on-disk' | 'loading' | 'loaded' | 'running'
  /** Absent if unknown. */
  readonly memoryBytes?: number
  /** Why it can never be loaded as things are, and what to do. */
  readonly refusal?: string
}

/** Progress of a download. */
export interface LocalPullProgress {
  readonly status: string
  readonly receivedBytes: number
  /** 0 if unknown. */
  readonly totalBytes: number
  readonly digest?: string
}

/** The models of the machine on which the gateway runs. Methods throw InferenceErrors. */
export interface LocalModels {
  /** All models of this machine, in memory or not. */
  list(): Promise<readonly LocalModel[]>
  /** @returns the model's name */
  pull(
    source: string,
    options?: {
      readonly signal?: AbortSignal
      readonly onProgress?: (progress: LocalPullProgress) => void
    },
  ): Promise<string>
  /** Serves the model to the swarm from now on. */
  share(name: string): Promise<void>
  /** Loads the model into memory; resolves once it can answer. */
  load(name: string): Promise<void>
  /** Frees the model's memory. It stays shared, and the next request loads it again. */
  unload(name: string): Promise<void>
  /** Deletes the model from disk, if nothing uses it. */
  remove(name: string): Promise<void>
}
