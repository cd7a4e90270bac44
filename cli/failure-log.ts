import type { ServedRequest } from '../node/index.ts'
import { type ErrorCode, plainLine } from '../protocol/index.ts'

/** Failures that a node's owner can fix. */
const OWN: ReadonlySet<'answered' | ErrorCode> = new Set(['engine_failed', 'internal'])
/** Repeated failures are only counted for this long. */
const QUIET_MS = 60_000

export interface FailureLogInit {
  readonly log: (line: string) => void
  /** Milliseconds, monotonic. @default performance.now */
  readonly now?: () => number
}

/** Logs why requests failed on this machine: each reason at once, then at most once a minute with its count. */
export function createFailureLog({
  log,
  now = () => performance.now(),
}: FailureLogInit): (request: ServedRequest) => void {
  let last: { readonly text: string; readonly atMs: number } | undefined
  let more = 0
  return ({ outcome, reason = '' }) => {
    if (!OWN.has(outcome)) return
    const text = `A request failed (${outcome}): ${plainLine(reason)}`
    if (last?.text === text && now() - last.atMs < QUIET_MS) {
      more += 1
      return
    }
    log(last?.text === text && more > 0 ? `${text} (and ${more} times before)` : text)
    last = { text, atMs: now() }
    more = 0
  }
}
