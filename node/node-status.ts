import type { Backend } from '../backend/index.ts'
import { InferenceError, LIMITS, type Load, type NodeState } from '../protocol/index.ts'
import { openScope } from '../timing/index.ts'
import type { Gate, Occupancy } from './admission/index.ts'

/** How soon a client may ask again while the engine loads. */
const LOADING_RETRY_MS = 1_000
/** A question that requests wait for. */
const ASK_TIMEOUT_MS = 2_000

/** What the node says of itself at this moment: to its owner, and to who asks, in probes and terminal frames. */
export class NodeStatus {
  readonly #backend: Pick<Backend, 'load'>
  readonly #gate: Gate
  readonly #fixedSlots: boolean
  #engineReady: boolean = false
  #draining: boolean = false
  #asking: Promise<void> | undefined

  /** @param fixedSlots whether the operator set the number of slots, so that the engine's own word does not count */
  constructor(backend: Pick<Backend, 'load'>, gate: Gate, fixedSlots: boolean) {
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

  /** What a request of one that contributes, or of a stranger, would find at this moment. */
  loadFor(asker: { readonly contributes: boolean }): Load {
    const gate = this.#gate
    return this.#load(
      gate.occupancyFor(asker),
      gate.expectedTtftMsFor(asker),
      gate.isFullFor(asker),
    )
  }

  #load(occupancy: Occupancy, ttftMs: number, full: boolean): Load {
    const { inFlight, slots, queueDepth } = occupancy
    const expectedTtftMs = Math.min(ttftMs, LIMITS.maxRemainingMs)
    return { state: this.#stateWhere(full), inFlight, slots, queueDepth, expectedTtftMs }
  }

  #stateWhere(full: boolean): NodeState {
    if (this.#draining) return 'draining'
    if (!this.#engineReady) return 'loading'
    return full ? 'saturated' : 'ready'
  }

  /** Asks the engine again. One that cannot be asked is not ready. */
  async refresh(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    try {
      const { state, slots } = await this.#backend.load(options)
      this.#engineReady = state === 'ready'
      if (!this.#fixedSlots && slots > 0) this.#gate.setSlots(slots)
    } catch (error) {
      this.#engineReady = false
      throw InferenceError.from(error, 'engine_failed')
    }
  }

  startDraining(): void {
    this.#draining = true
  }

  /**
   * Passes while new work is taken. An engine that was not ready is asked again: it may be back since.
   *
   * @throws InferenceError `draining` or `loading`
   */
  async checkOpen(): Promise<void> {
    if (!this.#draining && !this.#engineReady) {
      this.#asking ??= this.#ask()
        // Whoever asks is told that the engine is not ready; the watch logs why.
        .catch(() => {})
        .finally(() => {
          this.#asking = undefined
        })
      await this.#asking
    }
    if (this.#draining) throw new InferenceError('draining', 'this node is about to leave')
    if (this.#engineReady) return
    throw new InferenceError('loading', 'the engine is loading', { retryAfterMs: LOADING_RETRY_MS })
  }

  async #ask(): Promise<void> {
    using scope = openScope({ timeoutMs: ASK_TIMEOUT_MS })
    await this.refresh({ signal: scope.signal })
  }
}
