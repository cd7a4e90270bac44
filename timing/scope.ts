import { setMaxListeners } from 'node:events'
import { anySignal, type ClearableSignal } from 'any-signal'
import { InferenceError } from '../protocol/index.ts'
import { type Clock, systemClock } from './clock.ts'

/** The life of one piece of work: ends by the caller's signal, by its deadline, or by its owner. */
export interface Scope extends Disposable {
  readonly signal: AbortSignal
  /** Until the deadline, never below 0. */
  remainingMs(): number
  /** Whether the deadline ended it. */
  expired(): boolean
  /** Ends the work now; what waits on the signal rejects with the reason. */
  abort(reason: unknown): void
}

/** The reason with which work ends that other work has overtaken. */
export class Superseded extends Error {
  override readonly name: string = 'Superseded'

  constructor() {
    super('another was faster')
  }
}

/** A scope within another: it ends with it, and can be ended by itself. */
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
  return new InferenceError('deadline_exceeded', `no complete answer within ${timeoutMs} ms`)
}
