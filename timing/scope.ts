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

/** A nested scope: ends with its parent, or earlier by itself. */
export function openInnerScope(outer: Scope): Scope {
  const { signal, abort, dispose } = joined(outer.signal)
  return {
    signal,
    abort,
    remainingMs: () => outer.remainingMs(),
    expired: () => outer.expired(),
    [Symbol.dispose]: dispose,
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
  const { timeoutMs, clock = systemClock } = init
  const { signal, abort, dispose } = joined(options.signal, options.owner)
  const endsAt = clock.now() + timeoutMs
  const expire = init.onTimeout ?? ((): unknown => deadlineExceeded(timeoutMs))
  let expired = false
  const timer = clock.after(timeoutMs, () => {
    expired = true
    abort(expire())
  })
  return {
    signal,
    abort,
    remainingMs: () => Math.max(0, endsAt - clock.now()),
    expired: () => expired,
    [Symbol.dispose]: () => {
      timer[Symbol.dispose]()
      dispose()
    },
  }
}

interface Joined {
  readonly signal: AbortSignal
  readonly abort: (reason: unknown) => void
  readonly dispose: () => void
}

function joined(...outer: readonly (AbortSignal | undefined)[]): Joined {
  const controller = new AbortController()
  const { signal } = controller
  // libp2p listens once for each address, stream and message of a dial.
  setMaxListeners(0, signal)
  const abort = (reason: unknown): void => controller.abort(reason)
  const following = outer.flatMap((one) => (one === undefined ? [] : followSignal(one, abort)))
  return {
    signal,
    abort,
    dispose: () => {
      for (const one of following) one[Symbol.dispose]()
    },
  }
}

function deadlineExceeded(timeoutMs: number): InferenceError {
  return new InferenceError(
    'deadline_exceeded',
    `no complete answer within ${Math.round(timeoutMs)} ms`,
  )
}
