import type { ModelListing } from '../client/index.ts'
import { type Clock, raceSignal } from '../timing/index.ts'
import type { GatewayClient } from './gateway-client.ts'
import type { LocalModels } from './local-models.ts'

/** How long a list is shown again. */
const FRESH_MS = 1_000

interface SharedList {
  readonly models: Promise<readonly ModelListing[]>
  /** Infinite while it is made. */
  untilMs: number
}

/**
 * The same client with one list of models for all callers, which is made again once it is a second old, or once the models
 * of this machine were changed. Lists have no rate limit, and each looks peers up, asks those that were silent and goes
 * through all that they advertise. A list that failed is shared, too.
 */
export function sharedListing<L extends LocalModels | undefined>(
  client: GatewayClient,
  local: L,
  clock: Clock,
): { readonly client: GatewayClient; readonly local: L } {
  let shared: SharedList | undefined
  const current = (): SharedList => {
    if (shared !== undefined && clock.now() < shared.untilMs) return shared
    const made: SharedList = { models: client.models(), untilMs: Number.POSITIVE_INFINITY }
    const end = (): void => {
      made.untilMs = clock.now() + FRESH_MS
    }
    made.models.then(end, end)
    shared = made
    return made
  }
  const forget = (): void => {
    shared = undefined
  }
  return {
    client: {
      ...client,
      models: async ({ signal } = {}) => await raceSignal(current().models, signal),
    },
    local: local && (noticed(local, forget) as L),
  }
}

/** The same models; `onChange` is called after each change, also one that failed. */
function noticed(local: LocalModels, onChange: () => void): LocalModels {
  const after = async <T>(change: Promise<T>): Promise<T> => await change.finally(onChange)
  return {
    list: () => local.list(),
    pull: (source, options) => after(local.pull(source, options)),
    share: (name) => after(local.share(name)),
    load: (name) => after(local.load(name)),
    unload: (name) => after(local.unload(name)),
    remove: (name) => after(local.remove(name)),
  }
}
