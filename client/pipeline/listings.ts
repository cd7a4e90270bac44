import { type Host, type PeerReach, peerReach } from '../../host/index.ts'
import type { Advertisement } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import { openScope, type Scope } from '../../timing/index.ts'
import type { DispatchContext } from '../dispatch/index.ts'
import {
  explainAbsence,
  listModels,
  listPeer,
  type ModelListing,
  type PeerListing,
  serving,
  unusedFields,
} from '../peers/index.ts'

export interface ListingsInit
  extends Pick<DispatchContext, 'clock' | 'directory' | 'host' | 'prober'> {
  readonly host: DispatchContext['host'] & {
    readonly libp2p: Pick<Host['libp2p'], 'getConnections'>
  }
  readonly timeoutMs: number
  /** Aborts when the client closes. */
  readonly closing: AbortSignal
}

/** Lists of available models and peers. */
export interface Listings {
  models(options?: AbortOptions): Promise<readonly ModelListing[]>
  peers(options?: AbortOptions): Promise<readonly PeerListing[]>
  /** Those of the given optional request fields that the engine behind a peer's model ignores. */
  unusedFields(peerId: string, model: string, fields: readonly string[]): readonly string[]
  /**
   * Total advertised slots of the peers met that serve this model; 0 if none are known. Those of a peer that has not
   * answered yet count up to 32.
   *
   * @param trusted count only these peers. @default all
   */
  slots(model: string, trusted?: readonly string[]): number
}

export function createListings(init: ListingsInit): Listings {
  const { directory, host, prober, timeoutMs, clock, closing } = init
  const open = ({ signal }: AbortOptions): Scope => {
    closing.throwIfAborted()
    return openScope({ timeoutMs, clock }, { signal, owner: closing })
  }
  const everyone = async (options: AbortOptions): Promise<readonly Advertisement[]> => {
    using scope = open(options)
    const advertisements = await directory.enumerate(scope)
    if (advertisements.length > 0) return advertisements
    throw explainAbsence({
      query: { reference: { id: '' }, needs: { capabilities: [], fields: [] } },
      advertisements,
      connectedPeers: host.libp2p.getPeers().length,
      bootstrap: host.bootstrapPeers(),
    })
  }
  const isHearsay = ({ peerId }: Advertisement): boolean =>
    directory.acquaintanceOf(peerId) === 'heard'
  return {
    unusedFields: (peerId, model, fields) =>
      unusedFields(directory.known(), { peerId, model, fields }),
    async models(options = {}) {
      return listModels(await everyone(options), isHearsay)
    },
    async peers(options = {}) {
      const advertisements = await everyone(options)
      using scope = open(options)
      return await Promise.all(
        advertisements.map((known) => {
          const reach = (): PeerReach =>
            peerReach(known.addresses, host.libp2p.getConnections(known.peerId))
          return listPeer(known, prober, reach, clock.wall(), scope)
        }),
      )
    },
    slots: (model, trusted) => slotsOf(directory, model, trusted),
  }
}

/** Most slots of one peer that count, by how it is known: a claim must not lift the limit on concurrent requests. */
const MAX_SLOTS = { heard: 0, met: 32, answered: 1_024 } as const

function slotsOf(
  directory: ListingsInit['directory'],
  model: string,
  trusted: readonly string[] | undefined,
): number {
  let sum = 0
  for (const { peerId, slots } of serving(directory.known(), model)) {
    if (trusted?.includes(peerId.toString()) === false) continue
    sum += Math.min(slots, MAX_SLOTS[directory.acquaintanceOf(peerId)])
  }
  return sum
}
