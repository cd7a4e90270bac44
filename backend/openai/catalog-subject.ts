import type { Capability } from '../../protocol/index.ts'
import type { EngineHttp } from '../http/index.ts'
import type { AskTrial, Trial } from '../trials/index.ts'
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
  readonly ask: AskTrial
}

/** A model that the engine lists. */
export interface ListedModel {
  /** The entry in `/v1/models`. */
  readonly item: Json
  readonly name: string
  /** Empty if the engine does not show its template. */
  readonly templateHash: string
  /** Of the file or folder that the engine reports, if this machine has it. */
  readonly digest: string | undefined
}

/** A model to be described. */
export interface Subject extends CatalogInit, ListedModel {
  readonly identity: Identity
}

/** The verdict of a trial of this model, so far. */
export function verdictOn<T>(
  { ask, name }: Subject,
  question: string,
  trial: Trial<T>,
): T | undefined {
  return ask(name, question, trial)
}
