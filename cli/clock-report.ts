import type { ClockReport, Host } from '../host/index.ts'
import { shortId } from './explain/index.ts'
import type { Session } from './runtime.ts'

/** Interval between two looks at the clocks of connected peers. */
const LOOK_MS = 15_000

/** How to mend it, for a machine whose clock is off. */
export const SET_CLOCK = "set this machine's clock, best by NTP: peers judge advertisements by it"

/** `15 min ahead of`, `2 h behind`. */
function ahead(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000)
  const minutes = Math.round(seconds / 60)
  const amount =
    seconds < 180
      ? `${seconds} s`
      : minutes < 180
        ? `${minutes} min`
        : `${Math.round(minutes / 60)} h`
  return `${amount} ${ms >= 0 ? 'ahead of' : 'behind'}`
}

/** One line on this machine's clock, and one for each peer whose clock is off. */
export function clockLines(report: ClockReport): string[] {
  const { own, aheadMs, peers, agreeing, off } = report
  const others = off.map(
    ({ peerId, aheadMs: ms }) => `the clock of peer ${shortId(peerId)} is ${ahead(ms)} the others`,
  )
  switch (own) {
    case 'right':
      return [`agrees with ${agreeing} of ${peers} peers`, ...others]
    case 'off':
      return [`this machine's clock is ${ahead(aheadMs)} ${agreeing} of ${peers} peers`, ...others]
    case 'unclear':
      return [
        `this machine's clock is ${ahead(aheadMs)} that of ${peers === 1 ? 'the only peer' : 'the median peer'}, and too few peers agree to show whose is off`,
      ]
    case 'unknown':
      return ['no peer has told its time yet']
    default:
      return own satisfies never
  }
}

/** Logs when this machine's clock turns out to be off, and when it is right again. @returns unsubscribe */
export function watchClock({ terminal }: Session, host: Pick<Host, 'clock'>): () => void {
  let isOff = false
  const look = (): void => {
    const report = host.clock()
    if ((report.own === 'off') === isOff || report.own === 'unclear') return
    isOff = report.own === 'off'
    terminal.emit({ event: 'clock', ...report } as { event: 'clock' })
    terminal.log(
      isOff
        ? `${sentence(clockLines(report)[0] ?? '')}: ${SET_CLOCK}.`
        : 'The clock is right again.',
    )
  }
  look()
  const timer = setInterval(look, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
