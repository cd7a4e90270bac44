import type { AttackOptions } from './attack-setting.ts'
import type { Defence } from './defence.ts'
/** Result of an attack. */
export interface Measured {
  readonly figures: Readonly<Record<string, number>>
  readonly passes: boolean
}

export interface Attack {
  readonly name: string
  /** The criterion. */
  readonly criterion: string
  /** The part of the defence without which it does not hold; of several each would suffice. */
  readonly control: Defence | readonly Defence[]
  /** The scale of the run that is small and still keeps its criterion, whatever the seed. @default 0.3 */
  readonly small?: number
  run(options: AttackOptions): Promise<Measured>
}

/** The parts that its control run goes without, all of them at once. */
export function controlOf({ control }: Attack): readonly Defence[] {
  return typeof control === 'string' ? [control] : control
}

/** As the test suite runs it. */
export const smallScaleOf = ({ small = 0.3 }: Attack): number => small
