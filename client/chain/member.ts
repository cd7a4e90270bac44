import { normalizeModelId } from '../../protocol/index.ts'

/** A model that can be asked: one of the network, or one at a provider of the caller's own. */
export type NamedMember =
  | {
      readonly type: 'network'
      /** As the caller wrote it: an id, possibly pinned by digest. */
      readonly model: string
      /** The swarm to ask. Absent if the client is in one swarm only. */
      readonly swarm?: string
      /** The name that the caller used, if it is not the id: `swarm/model`. */
      readonly label?: string
    }
  | {
      readonly type: 'provider'
      readonly provider: string
      /** The model's name at the provider. */
      readonly model: string
      /** The name that the caller used: `provider/model`, or a plain id. */
      readonly label: string
    }

/** A name that stands for others, found when its turn comes. */
export type OpenMember =
  /** The available models, of one swarm if the client is in several. */
  | { readonly type: 'auto'; readonly swarm?: string }
  /** An id without a swarm, where there are several. */
  | { readonly type: 'plain'; readonly model: string }

/** A member of a chain. */
export type Member = NamedMember | OpenMember

/** A key that is equal for all spellings of the same member. */
export function memberKey(member: Member): string {
  switch (member.type) {
    case 'network':
      return `network/${inSwarm(member.swarm, normalizeModelId(member.model))}`
    case 'provider':
      return `provider/${member.provider}/${member.model}`
    case 'auto':
      return inSwarm(member.swarm, 'auto')
    case 'plain':
      return `plain/${normalizeModelId(member.model)}`
    default:
      return member satisfies never
  }
}

/** The `model` field of this member's answers. */
export function labelOf(member: NamedMember): string {
  return member.label ?? member.model
}

/** The member's name in errors and events, where models carry the name of their provider or swarm. */
export function describeMember(member: Member): string {
  switch (member.type) {
    case 'network':
      return inSwarm(member.swarm, member.model)
    case 'provider':
      return `${member.provider}/${member.model}`
    case 'auto':
      return inSwarm(member.swarm, 'auto')
    case 'plain':
      return member.model
    default:
      return member satisfies never
  }
}

/** Whether the member belongs to a client in several swarms. */
export function isOfSeveralSwarms(member: Member): boolean {
  return member.type === 'plain' || (member.type !== 'provider' && member.swarm !== undefined)
}

export function isInAnotherSwarm(next: Member, last: NamedMember): boolean {
  return next.type === 'network' && last.type === 'network' && next.swarm !== last.swarm
}

function inSwarm(swarm: string | undefined, name: string): string {
  return swarm === undefined ? name : `${swarm}/${name}`
}
