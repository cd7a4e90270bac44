import type { Terminal } from './terminal.ts'

const BAR_WIDTH = 24
/** Without a terminal a line is printed at each such step, so that a log stays short. */
const STEPS = { bytes: 0.1, fraction: 0.25 } as const
const STEP_BYTES = 100 * 1_048_576
/** A person sees no more than this, and a fast download would draw thousands of times a second. */
const REDRAW_MS = 100

export interface ProgressInit {
  readonly label: string
  /** `fraction`: parts of 1. */
  readonly unit: 'bytes' | 'fraction'
  /** Nothing is shown of what takes less. @default 0 */
  readonly quietMs?: number
  /** Milliseconds, monotonic; for tests. @default performance.now */
  readonly now?: () => number
}

export interface Progress {
  /** `total` is 0 where nobody knows. */
  update(done: number, total: number): void
  /** Ends the bar's line. */
  end(): void
}

/** How far something long is, on stderr: a bar that redraws itself on a terminal, a few plain lines elsewhere. */
export function createProgress(terminal: Terminal, init: ProgressInit): Progress {
  const { unit, quietMs = 0, now = () => performance.now() } = init
  const startedAt = now()
  let lastStep = -1
  let drawnAt: number | undefined
  const draw = (done: number, total: number): void => {
    const due = drawnAt === undefined || now() - drawnAt >= REDRAW_MS || done === total
    if (!due) return
    drawnAt = now()
    terminal.status(renderProgress(init, done, total))
  }
  return {
    update(done, total) {
      if (now() - startedAt < quietMs) return
      if (terminal.stderrIsTty) {
        draw(done, total)
        return
      }
      const step =
        total > 0 ? Math.floor(done / total / STEPS[unit]) : Math.floor(done / STEP_BYTES)
      if (step <= lastStep) return
      lastStep = step
      terminal.log(renderProgress(init, done, total))
    },
    end() {
      if (drawnAt !== undefined) terminal.log('')
      drawnAt = undefined
    },
  }
}

export function renderProgress(
  { label, unit }: Pick<ProgressInit, 'label' | 'unit'>,
  done: number,
  total: number,
): string {
  if (total <= 0) return `${label} ${megabytes(done)}`
  const fraction = Math.min(1, Math.max(0, done / total))
  const filled = Math.round(fraction * BAR_WIDTH)
  const bar = '#'.repeat(filled) + '-'.repeat(BAR_WIDTH - filled)
  const percent = `${Math.floor(fraction * 100)}%`.padStart(4)
  const amount = unit === 'bytes' ? `  ${megabytes(done)} of ${megabytes(total)}` : ''
  return `${label} [${bar}] ${percent}${amount}`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}
