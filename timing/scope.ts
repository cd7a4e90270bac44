import { setMaxListeners } from 'node:events'
import { InferenceError } from '../protocol/index.ts'
import { type Clock, systemClock } from './clock.ts'
import { followSignal } from './follow-signal.ts'

/** Lifetime of one piece of work: ended by the caller's signal, its deadline or its owner. */
export interface Scope extends Disposable {
  readonly signal: AbortSignal
  /** Until the deadline, never below 0. */
  remainingMs(): number
  /** Whether the deadline ended it. */
  expired(): boolean
  /** Ends the work now; pending waits on the signal reject with the reason. */
  abort(reason: unknown): void
}

/** The reason for ending work that other work has superseded. */
export class Superseded extends Error {
  override readonly name: string = 'Superseded'

  constructor() {
    super('another was faster')
  }
}

/** Ended by each of the signals around it, or by itself. */
class JoinedScope {
  readonly #controller = new AbortController()
  readonly #following: readonly Disposable[]

  constructor(outer: readonly (AbortSignal | undefined)[]) {
    // libp2p listens once for each address, stream and message of a dial.
    setMaxListeners(0, this.signal)
    const abort = (reason: unknown): void => this.abort(reason)
    this.#following = outer.flatMap((one) => (one === undefined ? [] : followSignal(one, abort)))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  [Symbol.dispose](): void {
    for (const one of this.#following) one[Symbol.dispose]()
  }
}

/** A nested scope: ends with its parent, or earlier by itself. */
export function openInnerScope(outer: Scope): Scope {
  return new InnerScope(outer)
}

class InnerScope extends JoinedScope implements Scope {
  readonly #outer: Scope

  constructor(outer: Scope) {
    super([outer.signal])
    this.#outer = outer
  }

  remainingMs(): number {
    return this.#outer.remainingMs()
  }

  expired(): boolean {
    return this.#outer.expired()
  }
}

export interface ScopeInit {
  readonly timeoutMs: number
  /** @default the machine's */
  readonly clock?: Clock | undefined
  /** What the deadline rejects with. @default deadline_exceeded */
  readonly onTimeout?: () => unknown
}

export interface ScopeOptions {
  /** The caller's. */
  readonly signal?: AbortSignal | undefined
  /** Fires when the owner of the work ends. */
  readonly owner?: AbortSignal | undefined
}

/** Joins signals with a deadline. Disposing clears the timer and the listeners. */
export function openScope(init: ScopeInit, options: ScopeOptions = {}): Scope {
  return new TimedScope(init, options)
}

class TimedScope extends JoinedScope implements Scope {
  readonly #clock: Clock
  readonly #endsAt: number
  readonly #timer: Disposable
  #hasExpired: boolean = false

  constructor(
    { timeoutMs, clock = systemClock, onTimeout }: ScopeInit,
    { signal, owner }: ScopeOptions,
  ) {
    super([signal, owner])
    this.#clock = clock
    this.#endsAt = clock.now() + timeoutMs
    this.#timer = clock.after(timeoutMs, () => {
      this.#hasExpired = true
      this.abort(onTimeout === undefined ? deadlineExceeded(timeoutMs) : onTimeout())
    })
  }

  remainingMs(): number {
    return Math.max(0, this.#endsAt - this.#clock.now())
  }

  expired(): boolean {
    return this.#hasExpired
  }

  override [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
    super[Symbol.dispose]()
  }
}

function deadlineExceeded(timeoutMs: number): InferenceError {
  return new InferenceError(
    'deadline_exceeded',
    `no complete answer within ${Math.round(timeoutMs)} ms`,
  )
}
