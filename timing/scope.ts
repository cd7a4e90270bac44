import { setMaxListeners } from 'node:events'
import { anySignal, type ClearableSignal } from 'any-signal'
import { InferenceError } from '../protocol/index.ts'
import { type Clock, systemClock } from './clock.ts'

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
  readonly signal: ClearableSignal
  readonly abort: (reason: unknown) => void
  readonly dispose: () => void
}

function joined(...outer: readonly (AbortSignal | undefined)[]): Joined {
  const controller = new AbortController()
  const signal = anySignal([controller.signal, ...outer])
  // libp2p listens once for each address, stream and message of a dial.
  setMaxListeners(0, signal)
  return {
    signal,
    abort: (reason) => controller.abort(reason),
    dispose: () => signal.clear(),
  }
}

function deadlineExceeded(timeoutMs: number): InferenceError {
  return new InferenceError(
    'deadline_exceeded',
    `no complete answer within ${Math.round(timeoutMs)} ms`,
  )
}
