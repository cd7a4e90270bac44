import type { ModelManager, PullProgress } from '../../backend/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import { raceSignal } from '../../timing/index.ts'

/** One download, followed by any number of callers. It ends with the last of them, unless it is kept. */
export class PullJob {
  readonly source: string
  progress: PullProgress = { status: 'starting', receivedBytes: 0, totalBytes: 0 }
  /** Why it failed. */
  error: string | undefined
  readonly #stop = new AbortController()
  readonly #done: Promise<string>
  readonly #followers = new Set<(progress: PullProgress) => void>()
  #isKept = false

  constructor(
    source: string,
    pull: NonNullable<ModelManager['pull']>,
    init: { readonly sha256?: string; readonly onChange: () => void },
  ) {
    this.source = source
    const { sha256, onChange } = init
    this.#done = pull(source, {
      signal: this.#stop.signal,
      ...(sha256 !== undefined && { sha256 }),
      onProgress: (progress) => {
        this.progress = progress
        for (const follower of this.#followers) follower(progress)
        onChange()
      },
    })
    this.#done.catch((error: unknown) => {
      this.error = InferenceError.from(error).message
    })
  }

  /** Resolves when it has ended, either way. */
  get ended(): Promise<unknown> {
    return this.#done.catch(() => undefined)
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  /** Goes on without a caller. */
  keep(): void {
    this.#isKept = true
  }

  stop(): void {
    this.#stop.abort(new InferenceError('cancelled', 'the download was stopped'))
  }

  /** @returns the model's name. @throws what the download throws; the signal's reason */
  async follow(
    onProgress: (progress: PullProgress) => void = () => {},
    signal?: AbortSignal,
  ): Promise<string> {
    const follower = (progress: PullProgress): void => onProgress(progress)
    this.#followers.add(follower)
    try {
      return await raceSignal(this.#done, signal)
    } finally {
      this.#followers.delete(follower)
      if (this.#followers.size === 0 && !this.#isKept) this.stop()
    }
  }
}
