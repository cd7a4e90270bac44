import { InferenceError } from '../protocol/index.ts'
import { type DelayOptions, delay, systemClock } from '../timing/index.ts'
import type { NodeStatus } from './node-status.ts'

/** Interval of status queries: loading takes seconds, a query is cheap. */
const POLL_MS = 100

/**
 * Resolves once the engine can serve.
 *
 * @throws InferenceError `loading` after `timeoutMs`; the signal's reason when it fired.
 */
export async function engineReady(
  status: Pick<NodeStatus, 'refresh' | 'state'>,
  timeoutMs: number,
  options: DelayOptions & { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { signal, clock = systemClock } = options
  for (const givenUpAtMs = clock.now() + timeoutMs; ; ) {
    signal?.throwIfAborted()
    await status.refresh(options)
    if (status.state !== 'loading') return
    if (clock.now() >= givenUpAtMs) {
      throw new InferenceError('loading', `the engine was not ready after ${timeoutMs} ms`)
    }
    await delay(POLL_MS, { signal, clock })
  }
}
