import type { AttackOptions } from './attack-setting.ts'
import { lowRate, rareLies, slowLoris, sybilFlood, traitor, whitewash } from './cheat-attacks.ts'
import { collusion, dispute, liars, liarsQuorum, scatteredCollusion } from './collusion.ts'
import { badMouthing, falseAlarms, nearTies } from './false-accusations.ts'
import { freeRiding, strangersFloor } from './free-riding.ts'
import { promptLogging } from './prompt-logging.ts'
import { creditLaundering, receiptFarming } from './receipt-farming.ts'
import type { Defence } from './sim-client.ts'

/** What an attack came to. */
export interface Measured {
  readonly figures: Readonly<Record<string, number>>
  readonly passes: boolean
}

export interface Attack {
  readonly name: string
  /** What must hold. */
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

/** Every attack that the simulator runs, in the order of the table. */
export const ATTACKS: readonly Attack[] = [
  sybilFlood,
  traitor,
  lowRate,
  rareLies,
  whitewash,
  falseAlarms,
  nearTies,
  collusion,
  dispute,
  scatteredCollusion,
  badMouthing,
  receiptFarming,
  creditLaundering,
  slowLoris,
  freeRiding,
  strangersFloor,
  promptLogging,
  liars,
  liarsQuorum,
]
