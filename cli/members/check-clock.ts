import type { ClockReport } from '../../host/index.ts'
import { clockAdvice } from '../clock-report.ts'
import { UsageError } from '../usage-error.ts'

/**
 * A rotation has times in it: with a wrong clock others ignore it, or accept the older key for too short a time.
 *
 * @throws UsageError if most peers agree that this machine's clock is off
 */
export function checkClock(report: ClockReport | undefined): void {
  if (report?.own !== 'off') return
  throw new UsageError(`nothing is changed. ${clockAdvice(report)}`)
}
