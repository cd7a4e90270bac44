import type { Side } from './reality.ts'

/** How far the simulator may be from real processes: as a share of what these do, or in their unit, whichever is more. */
interface Margin {
  readonly share: number
  readonly least: number
}

/**
 * Exact where the simulator has no say. Times by a seventh, and the slowest twentieth of first tokens by two fifths: the
 * simulator has no processors to share, while 20 real nodes share two (on an idle machine they differ by 3 %). Attempts by a twentieth: hedges are few. Answers that went on elsewhere are the few that
 * ran on five of twenty nodes when these died, some two on average, so that chance alone moves them by as many.
 */
export const MARGINS: Readonly<Record<keyof Side, Margin>> = {
  requests: { share: 0, least: 0 },
  answered: { share: 0.005, least: 0 },
  ttftP50Ms: { share: 0.15, least: 10 },
  ttftP95Ms: { share: 0.4, least: 20 },
  totalP50Ms: { share: 0.15, least: 0 },
  attempts: { share: 0.05, least: 0 },
  resumed: { share: 0, least: 4 },
}

export function withinMargin(figure: keyof Side, real: number, simulated: number): boolean {
  const { share, least } = MARGINS[figure]
  return Math.abs(simulated - real) <= Math.max(share * real, least)
}

/** As the table has it. */
export function marginOf(figure: keyof Side): string {
  const { share, least } = MARGINS[figure]
  const parts = [...(share > 0 ? [`${100 * share} %`] : []), ...(least > 0 ? [`${least}`] : [])]
  return parts.length === 0 ? 'none' : `± ${parts.join(' or ')}`
}
