import type { Attack } from './attack.ts'
import { lowRate, rareLies, slowLoris, sybilFlood, traitor, whitewash } from './cheat-attacks.ts'
import { collusion, dispute, liars, liarsQuorum, scatteredCollusion } from './collusion.ts'
import { badMouthing, falseAlarms, nearTies } from './false-accusations.ts'
import { freeRiding, strangersFloor } from './free-riding.ts'
import { promptLogging } from './prompt-logging.ts'
import { creditLaundering, receiptFarming } from './receipt-farming.ts'
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
