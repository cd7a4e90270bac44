import { normalizeModelId } from '../../protocol/index.ts'
/** One that can be asked for an answer: a model of the network's, or one at a provider of the caller's own. */
export type NamedMember =
  | {
      readonly type: 'network'
      /** As the caller wrote it: an id, or one pinned by digest. */
      readonly model: string
    }
  | {
      readonly type: 'provider'
      readonly provider: string
      /** The provider's own name of it. */
      readonly model: string
      /** How the caller may name it: `provider/model`, or the plain id by which it was asked for. */
      readonly label: string
    }

/** A member of a chain. `auto` stands for the models that are there when its turn comes. */
export type Member = NamedMember | { readonly type: 'auto' }

/** The same for the same member, however it was written. */
export function memberKey(member: Member): string {
  switch (member.type) {
    case 'network':
      return `network/${normalizeModelId(member.model)}`
    case 'provider':
      return `provider/${member.provider}/${member.model}`
    case 'auto':
      return 'auto'
    default:
      return member satisfies never
  }
}

/** What an answer of this member says its model is. */
export function labelOf(member: NamedMember): string {
  return member.type === 'provider' ? member.label : member.model
}

/** For errors and events: a provider's model is told apart from the network's. */
export function describeMember(member: Member): string {
  if (member.type === 'auto') return 'auto'
  return member.type === 'provider' ? `${member.provider}/${member.model}` : member.model
}
