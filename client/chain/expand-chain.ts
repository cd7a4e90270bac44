import { InferenceError, normalizeModelId, parseModelReference } from '../../protocol/index.ts'
import { type Member, memberKey } from './member.ts'
import { type InSwarm, readSwarm } from './swarm-name.ts'

/** Max members of a chain after expanding aliases and providers; `auto` counts as one. More is a mistake, or an attack on a gateway. */
const MAX_MEMBERS = 16
/** Max characters of a chain as written: 16 ids of maximum length. */
const MAX_CHAIN_LENGTH = 4_096

/** Aliases and providers that names may refer to. */
export interface ChainSources {
  /** By normalized name. */
  readonly aliases: ReadonlyMap<string, string>
  readonly providers: readonly {
    readonly name: string
    readonly models?: readonly string[] | undefined
    readonly place: 'first' | 'last'
  }[]
  /** Names of the swarms, the default first; empty if the client is in one only. @default none */
  readonly swarms?: readonly string[]
}

/**
 * Expands the names of a request into the members of a chain, in the order of asking. Each text is a comma-separated list
 * of model ids, aliases, `provider/model` and `auto`; with several swarms also `swarm/model` and `swarm/auto`. Duplicates
 * count once, at their first place. A digest pins weights, which no provider can prove, so a pinned id refers to the
 * network only.
 *
 * @throws InferenceError `invalid_request` for no member, too many members, a circular alias, or an invalid id
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
        throw refused(`alias '${alias}' is circular: ${[...within, alias].join(' → ')}`)
      }
      // Its members are already in the list. Expanding again would double the work at each level of nested aliases.
      if (expanded.has(alias)) continue
      expand(meaning, [...within, alias])
      expanded.add(alias)
    }
  }
  for (const text of texts) expand(text, [])
  if (members.size === 0) throw refused('no model is named')
  return [...members.values()]
}

/** The members that one name refers to. The name is not an alias. */
function meaningOf(name: string, { providers, swarms = [] }: ChainSources): readonly Member[] {
  const slash = name.indexOf('/')
  const named = providers.find((provider) => provider.name === name.slice(0, slash).toLowerCase())
  if (slash > 0 && named !== undefined) {
    const model = name.slice(slash + 1)
    if (model === '') throw refused(`'${name}' names a provider but no model`)
    return [{ type: 'provider', provider: named.name, model, label: name }]
  }
  const inSwarm = readSwarm(name, swarms)
  if (inSwarm !== undefined) return [swarmMember(inSwarm, name)]
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
  const [defaultSwarm] = swarms
  const network: Member = isAuto
    ? { type: 'auto', ...(defaultSwarm !== undefined && { swarm: defaultSwarm }) }
    : { type: defaultSwarm === undefined ? 'network' : 'plain', model: name }
  return [...own('first'), network, ...own('last')]
}

/** A model that is named with its swarm, and so never asked for elsewhere. */
function swarmMember({ swarm, model }: InSwarm, name: string): Member {
  if (model === '') throw refused(`'${name}' names a swarm but no model`)
  if (model.toLowerCase() === 'auto') return { type: 'auto', swarm }
  parseModelReference(model)
  return { type: 'network', model, swarm, label: name }
}

/**
 * Reads the caller's aliases.
 *
 * @throws InferenceError `invalid_request` for a reserved or empty name, an invalid chain, or a circular alias
 */
export function readAliases(
  aliases: Readonly<Record<string, string>>,
  providers: ChainSources['providers'],
  swarms: readonly string[] = [],
): ReadonlyMap<string, string> {
  const read = new Map(
    Object.entries(aliases).map(([name, meaning]) => [normalizeModelId(name), meaning]),
  )
  for (const name of read.keys()) {
    if (name === '' || name === 'auto' || name.includes(',')) {
      throw refused(
        `'${name}' cannot be an alias: it must not be empty, contain a comma, or be 'auto'`,
        'aliases',
      )
    }
    expandChain([name], { aliases: read, providers, swarms })
  }
  return read
}

function refused(message: string, param = 'model'): InferenceError {
  return new InferenceError('invalid_request', message, { details: { param } })
}
