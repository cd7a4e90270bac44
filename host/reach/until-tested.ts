import type { Clock } from '../../timing/index.ts'
import type { Reachability } from './reachability.ts'

/**
 * Resolves once an address was confirmed or all have a verdict, or with what is known when the time is over.
 *
 * @throws the signal's reason
 */
export function untilTested(
  init: {
    readonly report: () => Reachability
    readonly onChange: (listener: () => void) => () => void
    readonly clock: Clock
    /** Fires when the host stops. */
    readonly stopping: AbortSignal
  },
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Reachability> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      timer[Symbol.dispose]()
      unsubscribe()
      signal?.removeEventListener('abort', onAbort)
      init.stopping.removeEventListener('abort', finish)
      act()
    }
    const finish = (): void => settle(() => resolve(init.report()))
    const onAbort = (): void => settle(() => reject(signal?.reason))
    const timer = init.clock.after(timeoutMs, finish)
    const unsubscribe = init.onChange(() => {
      if (isSettled(init.report())) finish()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    init.stopping.addEventListener('abort', finish, { once: true })
    if (signal?.aborted === true) onAbort()
    else if (init.stopping.aborted || isSettled(init.report())) finish()
  })
}

function isSettled({ status, evidence }: Reachability): boolean {
  if (status === 'public' || status === 'forwarded') return true
  return evidence.every(({ verdict }) => verdict !== 'untested')
}
