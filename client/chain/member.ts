import { normalizeModelId } from '../../protocol/index.ts'

/** A model that can be asked: one of the network, or one at a provider of the caller's own. */
export type NamedMember =
  | {
      readonly type: 'network'
      /** As the caller wrote it: an id, possibly pinned by digest. */
      readonly model: string
    }
  | {
      readonly type: 'provider'
      readonly provider: string
      /** The model's name at the provider. */
      readonly model: string
      /** The name that the caller used: `provider/model`, or a plain id. */
      readonly label: string
    }

/** A member of a chain. `auto` is resolved to the available models when its turn comes. */
export type Member = NamedMember | { readonly type: 'auto' }

/** A key that is equal for all spellings of the same member. */
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

/** The `model` field of this member's answers. */
export function labelOf(member: NamedMember): string {
  return member.type === 'provider' ? member.label : member.model
}

/** The member's name in errors and events, where models of providers carry the provider's name. */
export function describeMember(member: Member): string {
  if (member.type === 'auto') return 'auto'
  return member.type === 'provider' ? `${member.provider}/${member.model}` : member.model
}
