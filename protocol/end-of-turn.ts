/** Longest wait, in milliseconds, for the end of a turn that goes on: the receiver could begin with what is ready. */
const MAX_WAIT_MS = 2

let waiting: (() => void)[] = []
let sinceMs = 0
let isDue = false

/**
 * Calls `run` once the event loop has handled what had arrived, or earlier if that takes more than 2 ms: what is sent
 * together costs less to send. What `run` adds in turn is called right after all that waits now. `run` must not throw.
 */
export function atEndOfTurn(run: () => void): void {
  waiting.push(run)
  if (waiting.length === 1) {
    sinceMs = performance.now()
    setImmediate(runAll)
  } else if (!isDue && performance.now() - sinceMs > MAX_WAIT_MS) {
    isDue = true
    queueMicrotask(runAll)
  }
}

function runAll(): void {
  // Grows meanwhile.
  for (const run of waiting) run()
  waiting = []
  isDue = false
}
