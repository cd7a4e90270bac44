import { setTimeout as delay } from 'node:timers/promises'
import { CONSOLE_LIMITS } from './limits.ts'
import type { LiveState, Reader, Seen } from './live-state.ts'
import type { ConsoleMessage } from './state.ts'

/**
 * The state as server-sent events: everything, then changes. Messages are made when the page reads, so that a slow page
 * gets fewer of them and costs no memory.
 *
 * @param signal ends the stream
 * @param viewer `isStillAccepted`: whether it may go on; asked before each message
 */
export async function* stateEvents(
  state: LiveState,
  signal: AbortSignal,
  viewer: Reader & { readonly isStillAccepted: () => boolean },
): AsyncGenerator<string, void, void> {
  const leave = state.watch()
  try {
    let { message, seen }: { message: ConsoleMessage; seen: Seen } = state.snapshot(viewer)
    yield event(message)
    while (!signal.aborted && !state.isClosed && viewer.isStillAccepted()) {
      const next = state.changes(seen, viewer)
      if (next === undefined) {
        const beat = AbortSignal.timeout(CONSOLE_LIMITS.keepAliveMs)
        await state.changed(AbortSignal.any([signal, beat]))
        if (beat.aborted) yield ': alive\n\n'
        continue
      }
      seen = next.seen
      yield event(next.message)
      // What changes meanwhile is sent together.
      await delay(CONSOLE_LIMITS.messageEveryMs, undefined, { signal }).catch(() => {})
    }
  } finally {
    leave()
  }
}

function event(message: ConsoleMessage): string {
  return `data: ${JSON.stringify(message)}\n\n`
}
