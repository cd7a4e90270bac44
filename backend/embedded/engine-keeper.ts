import { InferenceError } from '../../protocol/index.ts'
import { EngineProcess, type EngineReady } from './engine-process.ts'
import type { EngineRates, EngineSettings, RequestEvent } from './messages.ts'
import { RestartBackoff } from './restart-backoff.ts'

type State =
  | { readonly status: 'starting'; readonly process: EngineProcess }
  | { readonly status: 'ready'; readonly process: EngineProcess; readonly since: number }
  | { readonly status: 'waiting'; readonly timer: NodeJS.Timeout; readonly reason: string }
  | { readonly status: 'closed' }

export interface EngineKeeperInit {
  readonly settings: EngineSettings
  readonly startTimeoutMs: number
  readonly onProgress: (fraction: number) => void
  readonly onEvent: (id: number, event: RequestEvent) => void
  /** Whether the process works on no request. */
  readonly isAtRest: () => boolean
  /**
   * The process died, and with it every request that it worked on.
   *
   * @param isHung whether it was killed because it no longer responded: no request is to blame
   */
  readonly onDeath: (reason: string, isHung: boolean) => void
}

/** Keeps an engine process alive: restarts it after a crash, with a pause that grows with each consecutive crash. */
export class EngineKeeper {
  readonly #init: EngineKeeperInit
  readonly #backoff = new RestartBackoff()
  #state: State
  #rates: EngineRates = { prefillRate: 0, decodeRate: 0 }
  #changed: PromiseWithResolvers<void> = Promise.withResolvers()
  #coldStartMs: number | undefined

  constructor(init: EngineKeeperInit) {
    this.#init = init
    this.#state = this.#start()
  }

  get rates(): EngineRates {
    return this.#rates
  }

  /** Time that the newest start took until the model was loaded. */
  get coldStartMs(): number | undefined {
    return this.#coldStartMs
  }

  get pid(): number | undefined {
    return 'process' in this.#state ? this.#state.process.pid : undefined
  }

  get isReady(): boolean {
    return this.#state.status === 'ready' && !this.#state.process.isDoubtful
  }

  /** The process, if it can take a request now. */
  get current(): EngineProcess | undefined {
    return this.#state.status === 'ready' ? this.#state.process : undefined
  }

  /** The first start. Unlike later ones it is not retried: a model that never loaded is not expected to. */
  async firstStart(signal: AbortSignal | undefined): Promise<EngineReady> {
    if (this.#state.status !== 'starting') throw closed()
    const stopped = Promise.withResolvers<never>()
    const abort = (): void => stopped.reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted === true) abort()
    try {
      return await Promise.race([this.#state.process.ready, stopped.promise])
    } catch (error) {
      await this.close()
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /**
   * @throws InferenceError `loading` if the engine is not back within `timeoutMs`, `engine_failed` once closed; the
   * signal's reason.
   */
  async whenReady(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const gaveUp = Promise.withResolvers<never>()
    const abort = (): void => gaveUp.reject(signal?.reason)
    const deadline = setTimeout(() => gaveUp.reject(this.#notReady()), timeoutMs)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      signal?.throwIfAborted()
      while (this.#state.status !== 'ready') {
        if (this.#state.status === 'closed') throw closed()
        await Promise.race([this.#changed.promise, gaveUp.promise])
      }
    } finally {
      clearTimeout(deadline)
      signal?.removeEventListener('abort', abort)
    }
  }

  noteRates(rates: EngineRates): void {
    this.#rates = rates
  }

  async close(): Promise<void> {
    const state = this.#state
    this.#enter({ status: 'closed' })
    if (state.status === 'waiting') clearTimeout(state.timer)
    if (state.status === 'starting' || state.status === 'ready') await state.process.stop()
  }

  #start(): State {
    const startedAt = performance.now()
    const process = new EngineProcess({
      settings: this.#init.settings,
      startTimeoutMs: this.#init.startTimeoutMs,
      onProgress: this.#init.onProgress,
      onMessage: ({ id, event }) => this.#init.onEvent(id, event),
      isAtRest: this.#init.isAtRest,
      onExit: (reason, isHung) => this.#onExit(reason, isHung),
    })
    process.ready.then(
      ({ rates }) => {
        this.#rates = rates
        this.#coldStartMs = performance.now() - startedAt
        if (this.#state.status === 'starting') {
          this.#enter({ status: 'ready', process, since: performance.now() })
        }
      },
      // The process exits, and `onExit` handles it.
      () => undefined,
    )
    return { status: 'starting', process }
  }

  #onExit(reason: string, isHung: boolean): void {
    this.#init.onDeath(reason, isHung)
    if (this.#state.status === 'closed') return
    const livedMs = this.#state.status === 'ready' ? performance.now() - this.#state.since : 0
    const restart = (): void => this.#enter(this.#start())
    const timer = setTimeout(restart, this.#backoff.next(livedMs))
    this.#enter({ status: 'waiting', timer, reason })
  }

  #enter(state: State): void {
    this.#state = state
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  #notReady(): InferenceError {
    const why = this.#state.status === 'waiting' ? `: ${this.#state.reason}` : ''
    return new InferenceError('loading', `the engine is not ready${why}`, { retryAfterMs: 1_000 })
  }
}

function closed(): InferenceError {
  return new InferenceError('engine_failed', 'the embedded engine was closed')
}
