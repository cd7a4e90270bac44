import type { ModelListing } from '../client/index.ts'
import { InferenceError, messageWithModels, normalizeModelId } from '../protocol/index.ts'
import type { GatewayClient } from './gateway-client.ts'

/** A name that the gateway itself knows. */
export interface OwnModel {
  /** As callers write it. */
  readonly name: string
  /** The provider; absent for an alias. */
  readonly provider?: string
}

export interface VisibleModels {
  /** Models of the swarm. */
  readonly served: readonly ModelListing[]
  /** Aliases, and the known models of the gateway's providers. */
  readonly own: readonly OwnModel[]
}

/** What a caller may use. Absent fields do not restrict it. */
export interface ModelRights {
  readonly models?: readonly string[]
  readonly peers?: readonly string[]
  readonly providers?: readonly string[]
}

/**
 * The models that a key may use.
 *
 * @throws InferenceError `no_peers` if there are no own ones either
 */
export async function visibleModels(
  client: Pick<GatewayClient, 'models' | 'names'>,
  rights: ModelRights,
  signal: AbortSignal,
): Promise<VisibleModels> {
  const own = ownModels(client, rights)
  try {
    const served = await client.models({ signal })
    const { models, peers } = rights
    const usable = models && Map.groupBy(models, normalizeModelId)
    return { own, served: served.flatMap((listing) => within(usable, peers, listing) ?? []) }
  } catch (error) {
    // Own models are listed even without peers.
    if (own.length > 0 && InferenceError.is(error, 'no_peers')) return { own, served: [] }
    throw error
  }
}

/** The error as a key may see it: of the models that are served instead, it names those that the key may use. */
export function visibleError(error: unknown, { models, peers }: ModelRights): unknown {
  if (!InferenceError.is(error, 'model_not_found')) return error
  const available = error.details.available?.filter(
    ({ model, peerIds = [] }) =>
      (models?.some((name) => isSame(name, model)) ?? true) &&
      (peers === undefined || peerIds.some((peer) => peers.includes(peer))),
  )
  if (available === undefined) return error
  const options = { cause: error, details: { ...error.details, available } }
  const message = messageWithModels(new InferenceError(error.code, error.message, options))
  return new InferenceError(error.code, message, options)
}

function ownModels({ names }: Pick<GatewayClient, 'names'>, rights: ModelRights): OwnModel[] {
  const { models, peers } = rights
  // A key that may use certain peers only may use no provider, unless it names some.
  const allowed = rights.providers ?? (peers === undefined ? undefined : [])
  const providers = names.providers.filter(({ name }) => allowed?.includes(name) ?? true)
  const own = [
    ...names.aliases.map((name) => ({ name })),
    ...providers.flatMap((provider) =>
      provider.models.map((model) => ({
        name: `${provider.name}/${model}`,
        provider: provider.name,
      })),
    ),
  ]
  return own.filter(({ name }) => models?.includes(name) ?? true)
}

/**
 * The listing as a key sees it: under a name that it may use, and with peers that may see its requests.
 *
 * @param usable what the key may use, as it spells it, by normalised name. Undefined: everything
 */
function within(
  usable: ReadonlyMap<string, readonly string[]> | undefined,
  peers: readonly string[] | undefined,
  listing: ModelListing,
): ModelListing | undefined {
  const serving =
    peers === undefined ? listing.peers : listing.peers.filter((peer) => peers.includes(peer))
  if (peers !== undefined && serving.length === 0) return undefined
  const names = [listing.id, ...listing.aliases]
  // A request is checked by the very name that it has.
  const spelled = usable && names.flatMap((name) => usable.get(normalizeModelId(name)) ?? [])
  const [id, ...aliases] = new Set(spelled ?? names)
  return id === undefined ? undefined : { ...listing, id, aliases, peers: serving }
}

const isSame = (one: string, other: string): boolean =>
  normalizeModelId(one) === normalizeModelId(other)
