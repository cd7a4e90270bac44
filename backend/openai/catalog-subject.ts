import type { Capability } from '../../protocol/index.ts'
import type { EngineHttp } from '../http/index.ts'
import type { TrialOutcome } from './capability-trial.ts'
import type { ContinueBy } from './declared-continuation.ts'
import type { Identity } from './identify.ts'

export type Json = Readonly<Record<string, unknown>>

export interface CatalogInit {
  /** The server without `/v1`. */
  readonly root: EngineHttp
  /** Capabilities that the operator states beyond those that the adapter finds out. */
  readonly extraCapabilities: readonly Capability[]
  /** Overrides those. */
  readonly exactCapabilities: readonly Capability[] | undefined
  /** Model ids to show in place of the engine's own names. */
  readonly names: Readonly<Record<string, string>>
  /** How its owner says that an API continues an answer. */
  readonly continues: ContinueBy | undefined
  readonly digestOf: ((path: string) => Promise<string | undefined>) | undefined
  /** Results of trials by subject: each trial runs once. */
  readonly trials: Map<string, boolean>
}

/** A model that the engine lists, to be described. */
export interface Subject extends CatalogInit {
  readonly identity: Identity
  /** The entry in `/v1/models`. */
  readonly item: Json
  readonly name: string
}

/** A conclusive trial is not repeated. */
export async function once<T extends TrialOutcome>(
  { trials, name }: Subject,
  what: string,
  trial: () => Promise<T>,
): Promise<boolean | T> {
  const key = `${name} ${what}`
  const known = trials.get(key)
  if (known !== undefined) return known
  const outcome = await trial()
  if (outcome !== undefined) trials.set(key, outcome)
  return outcome
}
