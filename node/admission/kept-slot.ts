/** The last slot waits so long after a contributor asked, so that the next one finds it. */
const CONTRIBUTORS_AROUND_MS = 60_000
/** Of the turns, while contributors and strangers wait: one in so many is a stranger's. */
export const STRANGERS_TURN = 5

/** What decides whose the last slot is. */
export interface Precedence {
  readonly slots: number
  /** When a contributor asked last; −∞ for never. */
  readonly contributorAtMs: number
  /** Turns in a row that were contributors', while strangers waited. */
  readonly passedOver: number
  /** One turn in so many is a stranger's. */
  readonly strangersTurn: number
}

/** Whether strangers were passed over for so long that the next turn is theirs, were it for the last slot. */
export function isStrangersTurn({ passedOver, strangersTurn }: Precedence): boolean {
  return passedOver >= strangersTurn - 1
}

/** Until when strangers have one slot less than there are: 0 where nothing is kept from them. */
export function keptUntilMs(precedence: Precedence): number {
  if (precedence.slots <= 1 || isStrangersTurn(precedence)) return 0
  return Math.max(0, precedence.contributorAtMs + CONTRIBUTORS_AROUND_MS)
}
