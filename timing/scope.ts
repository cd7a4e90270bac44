import { InferenceError } from '../protocol/index.ts'
/** The life of one piece of work: ends by the caller's signal, by its deadline, or by its owner. */
export interface Scope extends Disposable {
  readonly signal: AbortSignal
  /** Until the deadline, never below 0. */
  remainingMs(): number
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
  const controller = new AbortController()
  const onOuter = (): void => controller.abort(outer.signal.reason)
  if (outer.signal.aborted) onOuter()
  else outer.signal.addEventListener('abort', onOuter, { once: true })
  return {
    signal: controller.signal,
    remainingMs: () => outer.remainingMs(),
    abort: (reason) => controller.abort(reason),
    [Symbol.dispose]: () => outer.signal.removeEventListener('abort', onOuter),
  }
}

/** Calls once, after a time, unless what it returns is called before. */
export type After = (ms: number, run: () => void) => () => void

export interface ScopeInit {
  readonly timeoutMs: number
  /** @default a timer */
  readonly after?: After | undefined
  /** What the deadline rejects with. @default deadline_exceeded */
  readonly onTimeout?: () => unknown
}

/** Joins a caller's signal with a deadline. Disposing clears the timer and the listener. */
export function openScope(init: ScopeInit, options: { signal?: AbortSignal | undefined }): Scope {
  const controller = new AbortController()
  const endsAt = performance.now() + init.timeoutMs
  const { signal: outer } = options
  const onOuter = (): void => controller.abort(outer?.reason)
  if (outer?.aborted === true) onOuter()
  else outer?.addEventListener('abort', onOuter, { once: true })
  const expire = init.onTimeout ?? ((): unknown => deadlineExceeded(init.timeoutMs))
  const cancel = (init.after ?? afterTimer)(init.timeoutMs, () => controller.abort(expire()))
  return {
    signal: controller.signal,
    remainingMs: () => Math.max(0, endsAt - performance.now()),
    abort: (reason) => controller.abort(reason),
    [Symbol.dispose]: () => {
      cancel()
      outer?.removeEventListener('abort', onOuter)
    },
  }
}

const afterTimer: After = (ms, run) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

function deadlineExceeded(timeoutMs: number): InferenceError {
  return new InferenceError('deadline_exceeded', `no complete answer within ${timeoutMs} ms`)
}

/**
 * Waits for `promise`, but no longer than the signal allows.
 *
 * @throws the signal's reason
 */
export async function raceSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
  }
}

/** @throws the signal's reason */
export async function delay(ms: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const elapsed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  try {
    await raceSignal(elapsed, signal)
  } finally {
    clearTimeout(timer)
  }
}
