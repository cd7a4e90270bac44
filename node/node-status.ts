import type { Backend, BackendLoad } from '../backend/index.ts'
import { InferenceError, LIMITS, type Load, type NodeState } from '../protocol/index.ts'
import { type Clock, openScope, systemClock } from '../timing/index.ts'
import type { Gate, Occupancy } from './admission/index.ts'

/** How soon a client may ask again while the engine loads. */
const LOADING_RETRY_MS = 1_000
/** Time for a status query that requests wait for. */
const ASK_TIMEOUT_MS = 2_000
/** An engine that has not answered for this long was stopped rather than restarted. */
const GONE_AFTER_MS = 10_000
/** `retryAfterMs` in that case: an operator has to start the engine. */
const GONE_RETRY_MS = 5_000

/** Whether the engine can be queried. `lost`: it does not answer; a restart looks the same at first. */
export type EngineState =
  | { readonly status: 'loading' }
  | { readonly status: 'ready' }
  | {
      readonly status: 'lost'
      readonly sinceMs: number
      readonly reason: string
      /** It can be connected to, but does not respond. */
      readonly isHung: boolean
    }

/** Current status of the node, for its operator and for peers (in probes and terminal frames). */
export class NodeStatus {
  readonly #backend: Pick<Backend, 'load'>
  readonly #gate: Gate
  readonly #fixedSlots: boolean
  readonly #clock: Pick<Clock, 'now'>
  #engine: EngineState = { status: 'loading' }
  #engineLoad: BackendLoad | undefined
  #draining: boolean = false
  #asking: Promise<void> | undefined

  /** @param fixedSlots whether the operator set the number of slots, so that the number reported by the engine is ignored */
  constructor(
    backend: Pick<Backend, 'load'>,
    gate: Gate,
    fixedSlots: boolean,
    clock: Pick<Clock, 'now'> = systemClock,
  ) {
    this.#clock = clock
    this.#backend = backend
    this.#gate = gate
    this.#fixedSlots = fixedSlots
  }

  /** For the node's owner: `saturated` while the queue is full. */
  get state(): NodeState {
    return this.#stateWhere(this.#gate.full)
  }

  /** For the node's owner: all that runs and waits. */
  get load(): Load {
    return this.#load(this.#gate.occupancy, this.#gate.expectedTtftMs, this.#gate.full)
  }

  /** Load as a request of a contributor, or of a stranger, would meet it now. */
  loadFor(asker: { readonly contributes: boolean }): Load {
    const gate = this.#gate
    return this.#load(
      gate.occupancyFor(asker),
      gate.expectedTtftMsFor(asker),
      gate.isFullFor(asker),
    )
  }

  get engine(): EngineState {
    return this.#engine
  }

  /** The engine's answer to the latest query; undefined if it did not answer. */
  get engineLoad(): BackendLoad | undefined {
    return this.#engineLoad
  }

  /** Whether the engine has been lost for so long that the node advertises no model. A hung one may go on. */
  get engineGone(): boolean {
    const engine = this.#engine
    if (engine.status !== 'lost' || engine.isHung) return false
    return this.#clock.now() - engine.sinceMs >= GONE_AFTER_MS
  }

  #load(occupancy: Occupancy, ttftMs: number, full: boolean): Load {
    const { inFlight, slots, queueDepth } = occupancy
    const expectedTtftMs = Math.min(ttftMs, LIMITS.maxRemainingMs)
    return { state: this.#stateWhere(full), inFlight, slots, queueDepth, expectedTtftMs }
  }

  #stateWhere(full: boolean): NodeState {
    if (this.#draining) return 'draining'
    if (this.#engine.status !== 'ready') return 'loading'
    return full ? 'saturated' : 'ready'
  }

  /** Queries the engine. An engine that cannot be queried is not ready. */
  async refresh(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    try {
      const load = await this.#backend.load(options)
      const { state, slots } = load
      this.#engineLoad = load
      this.#engine = { status: state === 'ready' ? 'ready' : 'loading' }
      if (!this.#fixedSlots && slots > 0) this.#gate.setSlots(slots)
    } catch (error) {
      const failure = InferenceError.from(error, 'engine_failed')
      const isHung = failure.code === 'loading' || options.signal?.aborted === true
      const before = this.#engine
      const isSame = before.status === 'lost' && before.isHung === isHung
      const sinceMs = isSame ? before.sinceMs : this.#clock.now()
      this.#engine = { status: 'lost', sinceMs, reason: failure.message, isHung }
      this.#engineLoad = undefined
      throw failure
    }
  }

  startDraining(): void {
    this.#draining = true
  }

  /** Whether new work is accepted, as far as is known without asking the engine. */
  get isOpen(): boolean {
    return !this.#draining && this.#engine.status === 'ready'
  }

  /**
   * Returns while new work is accepted. Queries an engine that was not ready, since it may be back.
   *
   * @throws InferenceError `draining`, `loading`, or `engine_failed` for one that is gone
   */
  async checkOpen(): Promise<void> {
    if (!this.#draining && this.#engine.status !== 'ready') {
      this.#asking ??= this.#ask()
        // The asker learns that the engine is not ready; the watch logs why.
        .catch(() => {})
        .finally(() => {
          this.#asking = undefined
        })
      await this.#asking
    }
    if (this.#draining) throw new InferenceError('draining', 'this node is shutting down')
    if (this.#engine.status === 'ready') return
    if (this.engineGone) {
      throw new InferenceError('engine_failed', 'the engine of this node does not answer', {
        retryAfterMs: GONE_RETRY_MS,
      })
    }
    throw new InferenceError('loading', this.#whyNotReady(), { retryAfterMs: LOADING_RETRY_MS })
  }

  #whyNotReady(): string {
    if (this.#engine.status !== 'lost') return 'the engine is loading'
    return this.#engine.isHung
      ? 'the engine does not respond'
      : 'the engine does not answer: it was stopped, or is starting again'
  }

  async #ask(): Promise<void> {
    using scope = openScope({ timeoutMs: ASK_TIMEOUT_MS })
    await this.refresh({ signal: scope.signal })
  }
}
