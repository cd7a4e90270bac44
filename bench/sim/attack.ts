import type { AttackOptions } from './attack-setting.ts'
import type { Defence } from './defence.ts'

/** A measured figure, and the limits that the criterion sets to it. One without limits only informs. */
export interface Figure {
  readonly value: number
  readonly atMost?: number
  readonly atLeast?: number
}

/** Result of an attack. */
export interface Measured {
  readonly figures: Readonly<Record<string, Figure>>
}

export interface Attack {
  readonly name: string
  /** The criterion. */
  readonly criterion: string
  /** The part of the defence without which it does not hold; of several each would suffice. */
  readonly control: Defence | readonly Defence[]
  /** The figures that the control must push beyond their limits. */
  readonly moves: readonly string[]
  /** The scale of the run that is small and still keeps its criterion, whatever the seed. @default 0.3 */
  readonly small?: number
  run(options: AttackOptions): Promise<Measured>
}

/** The parts that its control run lacks, all of them at once. */
export function controlOf({ control }: Attack): readonly Defence[] {
  return typeof control === 'string' ? [control] : control
}

/** Names of the figures beyond their limits. */
export function beyondLimits({ figures }: Measured): readonly string[] {
  return Object.entries(figures).flatMap(([name, { value, atMost, atLeast }]) =>
    value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity) ? [] : [name],
  )
}

/** As the test suite runs it. */
export const smallScaleOf = ({ small = 0.3 }: Attack): number => small
