import type { Job, SwitchModels } from '../request/index.ts'
import type { Member } from './member.ts'
import type { OwnSources } from './own-sources.ts'

/** A request with the members of its chain. The job's own model is that of the first member. */
export interface ChainJob extends Job {
  readonly members: readonly Member[]
  /** Those that the chain was named by; absent if the request names no model. */
  readonly sources: OwnSources | undefined
  readonly estimatedPromptTokens: number
  readonly switchModels: SwitchModels
  /** The swarm to ask. Absent if the client is in one only. */
  readonly swarm?: string
  /** Gateways that the request has passed through. */
  readonly hops: number
}
