import type { Terminal } from './terminal.ts'

const BAR_WIDTH = 24
/** Without a terminal a line is printed at each such step, so that a log stays short. */
const STEP = 0.1
const STEP_BYTES = 100 * 1_048_576

export interface Progress {
  /** `total` is 0 where the server did not say. */
  update(done: number, total: number): void
  /** Ends the bar's line. */
  end(): void
}

/** A download's progress on stderr: a bar that redraws itself on a terminal, plain lines elsewhere. */
export function createProgress(terminal: Terminal, label: string): Progress {
  let last = -1
  let drawn = false
  return {
    update(done, total) {
      if (terminal.stderrIsTty) {
        const text = renderProgress(label, done, total)
        terminal.status(text)
        drawn = true
        return
      }
      const step = total > 0 ? Math.floor(done / total / STEP) : Math.floor(done / STEP_BYTES)
      if (step <= last) return
      last = step
      terminal.log(renderProgress(label, done, total))
    },
    end() {
      if (drawn) terminal.log('')
      drawn = false
    },
  }
}

export function renderProgress(label: string, done: number, total: number): string {
  if (total <= 0) return `${label} ${megabytes(done)}`
  const fraction = Math.min(1, Math.max(0, done / total))
  const filled = Math.round(fraction * BAR_WIDTH)
  const bar = '#'.repeat(filled) + '-'.repeat(BAR_WIDTH - filled)
  const percent = `${Math.floor(fraction * 100)}%`.padStart(4)
  return `${label} [${bar}] ${percent}  ${megabytes(done)} of ${megabytes(total)}`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}
