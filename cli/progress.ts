import type { Terminal } from './terminal.ts'

const BAR_WIDTH = 24
/** Without a terminal, one line is printed per step, to keep logs short. */
const STEPS = { bytes: 0.1, fraction: 0.25 } as const
const STEP_BYTES = 100 * 1_048_576
/** Minimum time between redraws: a fast download would redraw thousands of times a second. */
const REDRAW_MS = 100

export interface ProgressInit {
  readonly label: string
  /** `fraction`: parts of 1. */
  readonly unit: 'bytes' | 'fraction'
  /** Shows nothing before this time has passed. @default 0 */
  readonly quietMs?: number
  /** Milliseconds, monotonic; for tests. @default performance.now */
  readonly now?: () => number
}

export interface Progress {
  /** `total` is 0 if unknown. */
  update(done: number, total: number): void
  /** Ends the bar's line. */
  end(): void
}

/** Progress of a long operation on stderr: a redrawn bar on a terminal, a few plain lines elsewhere. */
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
      terminal.log(renderProgress(init, done, total), { passing: true })
    },
    end() {
      if (drawnAt !== undefined) terminal.log('', { passing: true })
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

/** E.g. `12.5 MiB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}
