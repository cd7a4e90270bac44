import type { Logger } from '@libp2p/interface'
import { type Clock, openScope, systemClock } from '../timing/index.ts'
import type { EngineState, NodeStatus } from './node-status.ts'
import type { SharedModels } from './shared-models.ts'

/** Models come and go by hand. */
const MODELS_MS = 30_000
/** An engine that came back should not wait long for work. */
const RECOVERY_MS = 250
/** After a failure an engine may load for a while before anybody asks. */
const LOAD_MS = 2_000
/** One question to the engine. */
const ASK_TIMEOUT_MS = 10_000

export interface EngineWatchInit {
  readonly status: Pick<NodeStatus, 'engine' | 'engineGone' | 'refresh' | 'state'>
  readonly models: Pick<SharedModels, 'refresh'>
  /** Called when the engine is lost, and when it is back. */
  readonly onEngine: (state: EngineState) => void
  /** Called when the shared models changed, or when all of them are gone with the engine, or back. */
  readonly onModels: () => Promise<void>
  /** Called each time that the engine was asked and is ready. */
  readonly onReady: () => Promise<void>
  readonly log: Logger
  /** @default the machine's */
  readonly clock?: Clock
}

/** Keeps what the node knows of its engine fresh: whether it is ready, and which models it has. */
export class EngineWatch {
  readonly #init: EngineWatchInit
  readonly #stop = new AbortController()
  readonly #clock: Clock
  #timer: Disposable | undefined
  #modelsDueAtMs = 0
  #told: EngineState['status'] = 'ready'
  #gone = false

  constructor(init: EngineWatchInit) {
    this.#init = init
    this.#clock = init.clock ?? systemClock
  }

  start(): void {
    this.#modelsDueAtMs = this.#clock.now() + MODELS_MS
    this.#next()
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]()
    this.#stop.abort()
  }

  #next(): void {
    if (this.#stop.signal.aborted) return
    const inMs = this.#init.status.state === 'loading' ? RECOVERY_MS : LOAD_MS
    const ask = (): void => {
      this.#ask()
        .catch((error: unknown) => this.#init.log.error('cannot ask the engine: %e', error))
        .finally(() => this.#next())
    }
    this.#timer = this.#clock.after(inMs, ask, { background: true })
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
    if (this.#clock.now() < this.#modelsDueAtMs) return
    this.#modelsDueAtMs = this.#clock.now() + MODELS_MS
    const { changed, missing } = await models.refresh({ signal })
    if (missing.length > 0) log('no longer there to share: %s', missing.join(', '))
    if (changed && !this.#stop.signal.aborted) await onModels()
  }

  async #look(): Promise<void> {
    if (this.#stop.signal.aborted) return
    const { engine, engineGone } = this.#init.status
    // One that loads is on its way back, and is told of once it is there.
    if (engine.status !== 'loading' && engine.status !== this.#told) {
      this.#told = engine.status
      this.#init.onEngine(engine)
    }
    if (engineGone === this.#gone) return
    this.#gone = engineGone
    await this.#init.onModels()
  }
}
