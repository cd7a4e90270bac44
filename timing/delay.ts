import { raceSignal } from 'race-signal'
import { type Clock, systemClock } from './clock.ts'

export interface DelayOptions {
  readonly signal?: AbortSignal | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
}

/** Resolves after `ms`. @throws the signal's reason as soon as it fires */
export async function delay(ms: number, options: DelayOptions = {}): Promise<void> {
  const { signal, clock = systemClock } = options
  signal?.throwIfAborted()
  const { promise, resolve } = Promise.withResolvers<void>()
  using _timer = clock.after(ms, resolve)
  await raceSignal(promise, signal)
}

/** Resolves after `ms`, or as soon as the signal fires. Never rejects. */
export function pause(ms: number, options: DelayOptions): Promise<void> {
  return delay(ms, options).catch(() => {})
}

/** Resolves when the promise settles, at the latest after `ms`. Never rejects. */
export function settledWithin(
  promise: Promise<unknown>,
  ms: number,
  options: Pick<DelayOptions, 'clock'> = {},
): Promise<void> {
  return new Promise((resolve) => {
    const late = (options.clock ?? systemClock).after(ms, resolve)
    const settle = (): void => {
      late[Symbol.dispose]()
      resolve()
    }
    promise.then(settle, settle)
  })
}

/** Calls `tick` every `everyMs` while the promise is pending, one at a time; then settles like the promise. */
export async function whilePending<T>(
  promise: Promise<T>,
  everyMs: number,
  tick: () => Promise<void>,
  options: Pick<DelayOptions, 'clock'> = {},
): Promise<T> {
  let settled = false
  const done = (): void => {
    settled = true
  }
  const ended = promise.then(done, done)
  for (;;) {
    await settledWithin(ended, everyMs, options)
    if (settled) return promise
    await tick()
  }
}
