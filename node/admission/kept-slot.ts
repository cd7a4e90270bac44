/** How long the last slot stays reserved after a contributor asked, so that the next one finds it free. */
const CONTRIBUTORS_AROUND_MS = 60_000
/** While contributors and strangers wait, one turn in this many goes to a stranger. */
export const STRANGERS_TURN = 5

/** Inputs of the rule for the last slot. */
export interface Precedence {
  readonly slots: number
  /** When a contributor last asked; −∞ if never. */
  readonly contributorAtMs: number
  /** Consecutive turns of contributors while strangers waited. */
  readonly passedOver: number
  /** One turn in this many goes to a stranger. */
  readonly strangersTurn: number
}

/** Whether strangers were passed over so often that the next turn is theirs, even for the last slot. */
export function isStrangersTurn({ passedOver, strangersTurn }: Precedence): boolean {
  return passedOver >= strangersTurn - 1
}

/** Until when one slot is reserved against strangers; 0 if none is. */
export function keptUntilMs(precedence: Precedence): number {
  if (precedence.slots <= 1 || isStrangersTurn(precedence)) return 0
  return Math.max(0, precedence.contributorAtMs + CONTRIBUTORS_AROUND_MS)
}
