import type { Logger } from '@libp2p/interface'
import { type Clock, openScope, systemClock } from '../timing/index.ts'
import type { EngineState, NodeStatus } from './node-status.ts'
import type { SharedModels } from './shared-models.ts'

/** Models change seldom: an operator adds and removes them. */
const MODELS_MS = 30_000
/** Short, so that an engine which is back gets work soon. */
const RECOVERY_MS = 250
/** Of an engine that an operator has to start. */
const GONE_MS = 1_000
/** After a failure an engine may load for a while before the next request. */
const LOAD_MS = 2_000
/** The same at rest. A request that comes before a loss is noticed fails at once, and is asked of another peer. */
const REST_LOAD_MS = 10_000
/** A node is at rest so long after the latest sign of use. */
const REST_AFTER_MS = 60_000
/** Time for one status query. */
const ASK_TIMEOUT_MS = 10_000

export interface EngineWatchInit {
  readonly status: Pick<NodeStatus, 'engine' | 'engineGone' | 'engineLoad' | 'refresh' | 'state'>
  readonly models: Pick<SharedModels, 'refresh'>
  /** Called when the engine is lost, and when it is back. */
  readonly onEngine: (state: EngineState) => void
  /** Called when the shared models changed, or when the engine, and with it all models, is lost or back. */
  readonly onModels: () => Promise<void>
  /** Whether peers have streams open for requests. */
  readonly isUsed: () => boolean
  /** Called after each query that finds the engine ready. */
  readonly onReady: () => Promise<void>
  readonly log: Logger
  /** @default the machine's */
  readonly clock?: Clock
}

/** Polls the engine: whether it is ready, and which models it has. */
export class EngineWatch {
  readonly #init: EngineWatchInit
  readonly #stop = new AbortController()
  readonly #clock: Clock
  #timer: Disposable | undefined
  #modelsDueAtMs = 0
  /** Of the models asked for last. */
  #modelsRevision: number | undefined
  #usedAtMs = 0
  #asking: boolean = false
  #reported: EngineState['status'] = 'ready'
  #gone = false

  constructor(init: EngineWatchInit) {
    this.#init = init
    this.#clock = init.clock ?? systemClock
  }

  start(): void {
    this.#usedAtMs = this.#clock.now()
    this.#modelsDueAtMs = this.#clock.now() + MODELS_MS
    this.#next()
  }

  /** A peer asks something: the engine is asked often again. */
  wake(): void {
    const rested = this.#atRest()
    this.#usedAtMs = this.#clock.now()
    if (rested && !this.#asking) this.#next()
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]()
    this.#stop.abort()
  }

  #next(): void {
    // A peer may have woken the watch before its start.
    this.#timer?.[Symbol.dispose]()
    if (this.#stop.signal.aborted) return
    const ask = (): void => {
      this.#asking = true
      this.#ask()
        .catch((error: unknown) => this.#init.log.error('cannot ask the engine: %e', error))
        .finally(() => {
          this.#asking = false
          this.#next()
        })
    }
    this.#timer = this.#clock.after(this.#pauseMs(), ask, { background: true })
  }

  #pauseMs(): number {
    const { status } = this.#init
    if (status.engineGone) return GONE_MS
    if (status.state === 'loading') return RECOVERY_MS
    return this.#atRest() ? REST_LOAD_MS : LOAD_MS
  }

  #atRest(): boolean {
    if (this.#init.isUsed()) this.#usedAtMs = this.#clock.now()
    return this.#clock.now() - this.#usedAtMs > REST_AFTER_MS
  }

  async #ask(): Promise<void> {
    const { status, models, onModels, onReady, log } = this.#init
    using scope = openScope(
      { timeoutMs: ASK_TIMEOUT_MS, clock: this.#clock },
      { owner: this.#stop.signal },
    )
    const { signal } = scope
    try {
      await status.refresh({ signal })
    } finally {
      await this.#look()
    }
    if (this.#stop.signal.aborted || status.state === 'loading') return
    await onReady()
    const revision = status.engineLoad?.modelsRevision
    if (this.#clock.now() < this.#modelsDueAtMs && revision === this.#modelsRevision) return
    this.#modelsDueAtMs = this.#clock.now() + MODELS_MS
    this.#modelsRevision = revision
    const { changed, missing } = await models.refresh({ signal })
    if (missing.length > 0) log('no longer there to share: %s', missing.join(', '))
    if (changed && !this.#stop.signal.aborted) await onModels()
  }

  async #look(): Promise<void> {
    if (this.#stop.signal.aborted) return
    const { engine, engineGone } = this.#init.status
    // A loading engine is reported once it is ready.
    if (engine.status !== 'loading' && engine.status !== this.#reported) {
      this.#reported = engine.status
      this.#init.onEngine(engine)
    }
    if (engineGone === this.#gone) return
    this.#gone = engineGone
    await this.#init.onModels()
  }
}
