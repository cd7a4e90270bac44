import { InferenceError, normalizeModelId, parseModelReference } from '../../protocol/index.ts'
import { type Member, memberKey } from './member.ts'

/** Members of one chain, aliases and providers expanded; `auto` counts as one. More is a mistake, or a way to keep a gateway busy. */
const MAX_MEMBERS = 16
/** Characters of a chain as it is written: as many ids as there may be members, each at its longest. */
const MAX_CHAIN_LENGTH = 4_096

/** What names may mean, beside the models of the network. */
export interface ChainSources {
  /** By their normalised names. */
  readonly aliases: ReadonlyMap<string, string>
  readonly providers: readonly {
    readonly name: string
    readonly models?: readonly string[]
    readonly place: 'first' | 'last'
  }[]
}

/**
 * What a request's names come to, in the order of asking. Each text is a list, apart by commas, of model ids, aliases,
 * `provider/model` and `auto`. What comes twice counts where it comes first. A digest pins weights, which no provider
 * proves, so a pinned id is the network's alone.
 *
 * @throws InferenceError `invalid_request` for no member, too many, an alias that leads back to itself, or an id that
 *   is none
 */
export function expandChain(texts: readonly string[], sources: ChainSources): readonly Member[] {
  const members = new Map<string, Member>()
  const add = (member: Member): void => {
    const key = memberKey(member)
    if (!members.has(key)) members.set(key, member)
    if (members.size > MAX_MEMBERS) throw refused(`a chain has at most ${MAX_MEMBERS} models`)
  }
  const expanded = new Set<string>()
  const expand = (text: string, within: readonly string[]): void => {
    if (text.length > MAX_CHAIN_LENGTH) {
      throw refused(`a chain has at most ${MAX_CHAIN_LENGTH} characters`)
    }
    for (const name of text.split(',').map((part) => part.trim())) {
      if (name === '') continue
      const alias = normalizeModelId(name)
      const meaning = sources.aliases.get(alias)
      if (meaning === undefined) {
        for (const member of meaningOf(name, sources)) add(member)
        continue
      }
      if (within.includes(alias)) {
        throw refused(`alias '${alias}' leads back to itself: ${[...within, alias].join(' → ')}`)
      }
      // Its members are there already; aliases that name each other twice would double with each step.
      if (expanded.has(alias)) continue
      expand(meaning, [...within, alias])
      expanded.add(alias)
    }
  }
  for (const text of texts) expand(text, [])
  if (members.size === 0) throw refused('no model is named')
  return [...members.values()]
}

/** One name that is no alias. */
function meaningOf(name: string, { providers }: ChainSources): readonly Member[] {
  const slash = name.indexOf('/')
  const named = providers.find((provider) => provider.name === name.slice(0, slash).toLowerCase())
  if (slash > 0 && named !== undefined) {
    const model = name.slice(slash + 1)
    if (model === '') throw refused(`'${name}' names a provider, but no model of it`)
    return [{ type: 'provider', provider: named.name, model, label: name }]
  }
  const isAuto = name.toLowerCase() === 'auto'
  const ownModel = (models: readonly string[]): string | undefined =>
    isAuto ? models[0] : models.find((model) => normalizeModelId(model) === normalizeModelId(name))
  const own = (place: 'first' | 'last'): readonly Member[] =>
    providers.flatMap((provider) => {
      const model = provider.place === place ? ownModel(provider.models ?? []) : undefined
      if (model === undefined) return []
      const label = isAuto ? `${provider.name}/${model}` : name
      return { type: 'provider', provider: provider.name, model, label }
    })
  if (!isAuto) parseModelReference(name)
  const network: Member = isAuto ? { type: 'auto' } : { type: 'network', model: name }
  return [...own('first'), network, ...own('last')]
}

/**
 * Reads the caller's aliases.
 *
 * @throws InferenceError `invalid_request` for a name that cannot be used, a meaning that is none, or one that leads
 *   back to itself
 */
export function readAliases(
  aliases: Readonly<Record<string, string>>,
  providers: ChainSources['providers'],
): ReadonlyMap<string, string> {
  const read = new Map(
    Object.entries(aliases).map(([name, meaning]) => [normalizeModelId(name), meaning]),
  )
  for (const name of read.keys()) {
    if (name === '' || name === 'auto' || name.includes(',')) {
      throw refused(`'${name}' cannot be an alias: it is empty, a chain, or taken`, 'aliases')
    }
    expandChain([name], { aliases: read, providers })
  }
  return read
}

function refused(message: string, param = 'model'): InferenceError {
  return new InferenceError('invalid_request', message, { details: { param } })
}
