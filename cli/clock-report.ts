import type { ClockReport, Host } from '../host/index.ts'
import { everyTogether, systemClock } from '../timing/index.ts'
import { shortId } from './explain/index.ts'
import type { Session } from './runtime.ts'

/** Interval between two looks at the clocks of connected peers. */
const LOOK_MS = 15_000

/** How to mend it, for a machine whose clock is off. */
export const SET_CLOCK = "set this machine's clock, best by NTP: peers judge advertisements by it"

/** Where it is not known whose clock is off. */
export const COMPARE_CLOCK = 'compare this clock with another machine, best by NTP'

/** `15 min ahead of`, `2 h behind`. */
function ahead(ms: number): string {
  return `${amount(ms)} ${ms >= 0 ? 'ahead of' : 'behind'}`
}

/** `15 min`, `2 h`. */
function amount(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000)
  const minutes = Math.round(seconds / 60)
  if (seconds < 180) return `${seconds} s`
  return minutes < 180 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
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
        `this machine's clock and that of ${peers === 1 ? 'the only peer' : 'the median peer'} are ${amount(aheadMs)} apart, and too few peers agree to show whose is off`,
      ]
    case 'unknown':
      return ['no peer has reported its time yet']
    default:
      return own satisfies never
  }
}

/** Looks in a row that find the same before an unclear finding is logged: the next peer may settle it. */
const UNCLEAR_LOOKS = 2

/**
 * Logs when this machine's clock turns out to be off, when it is right again, and when it differs from that of the only
 * peers, which blames neither. @returns unsubscribe
 */
export function watchClock({ terminal }: Session, host: Pick<Host, 'clock'>): () => void {
  let reported: 'off' | 'right' | 'unclear' = 'right'
  let unclearLooks = 0
  const look = (): void => {
    const report = host.clock()
    const { own } = report
    unclearLooks = own === 'unclear' ? unclearLooks + 1 : 0
    // Without a reading there is nothing to report.
    if (own === reported || own === 'unknown') return
    // What the majority showed holds until the majority shows something else.
    if (own === 'unclear' && (reported === 'off' || unclearLooks < UNCLEAR_LOOKS)) return
    const wasOff = reported === 'off'
    reported = own
    terminal.emit({ event: 'clock', ...report } as { event: 'clock' })
    if (own !== 'right') terminal.log(clockAdvice(report), { level: 'warn' })
    else if (wasOff) terminal.log('The clock is right again.')
    else terminal.log(`This machine's clock ${clockLines(report)[0]}.`)
  }
  look()
  const timer = everyTogether(systemClock, LOOK_MS, look)
  return () => timer[Symbol.dispose]()
}

/** A sentence on this machine's clock, and what to do. */
export function clockAdvice(report: ClockReport): string {
  const advice = report.own === 'off' ? SET_CLOCK : COMPARE_CLOCK
  return `${sentence(clockLines(report)[0] ?? '')}: ${advice}.`
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
