import type { ModelAdvertisement } from '../../protocol/index.ts'

/** The node's own statement, read for each issue. */
export interface Statement {
  readonly models: readonly ModelAdvertisement[]
  readonly slots: number
  /** Measured tokens a second, 0 where not measured. */
  readonly prefillRate: number
  readonly decodeRate: number
  /** Measured time to load a model. Absent if not measured. */
  readonly coldStartMs?: number
  readonly maxTokens: number
  readonly operator: string
  readonly swarmName?: string
}

/** Smaller changes of a rate are not announced: clients only compare nodes by it. */
const RATE_FACTOR = 1.5

/** Whether the statement has changed enough to issue a new advertisement. */
export function hasMoved(said: Statement, now: Statement): boolean {
  return (
    said.slots !== now.slots ||
    rateMoved(said.prefillRate, now.prefillRate) ||
    rateMoved(said.decodeRate, now.decodeRate) ||
    rateMoved(said.coldStartMs ?? 0, now.coldStartMs ?? 0) ||
    JSON.stringify(said.models) !== JSON.stringify(now.models)
  )
}

function rateMoved(said: number, now: number): boolean {
  return now > said * RATE_FACTOR || now * RATE_FACTOR < said
}
