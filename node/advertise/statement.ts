import type { ModelAdvertisement } from '../../protocol/index.ts'

/** What the node says of itself, asked anew for each issue. */
export interface Statement {
  readonly models: readonly ModelAdvertisement[]
  readonly slots: number
  /** Measured tokens a second, 0 where not measured. */
  readonly prefillRate: number
  readonly decodeRate: number
  readonly maxTokens: number
  readonly operator: string
}

/** A rate that changed by less says nothing new: clients only compare nodes by it. */
const RATE_FACTOR = 1.5

/** Whether others should hear anew what the node says of itself. */
export function hasMoved(said: Statement, now: Statement): boolean {
  return (
    said.slots !== now.slots ||
    rateMoved(said.prefillRate, now.prefillRate) ||
    rateMoved(said.decodeRate, now.decodeRate) ||
    JSON.stringify(said.models) !== JSON.stringify(now.models)
  )
}

function rateMoved(said: number, now: number): boolean {
  return now > said * RATE_FACTOR || now * RATE_FACTOR < said
}
