import type { PeerReach } from '../../host/index.ts'
import {
  type Advertisement,
  type Capability,
  type ErrorCode,
  InferenceError,
  isExpired,
  type Load,
  type NodeState,
} from '../../protocol/index.ts'
import type { Prober } from './probe/index.ts'
/** A model that some peer serves. */
export interface ModelListing {
  readonly id: string
  readonly aliases: readonly string[]
  /** More than one: peers serve different weights under this id; pin one with `id@sha256:…`. */
  readonly digests: readonly string[]
  /** What at least one peer offers with it. */
  readonly capabilities: readonly Capability[]
  /** The longest that a peer offers, in tokens. 0 where none says. */
  readonly contextLength: number
  /** Ids of the peers that serve it. */
  readonly peers: readonly string[]
}

/** A peer that serves models, as it answers now. */
export interface PeerListing extends PeerReach {
  readonly peerId: string
  readonly models: readonly string[]
  /** Free text, unproven. */
  readonly operator: string
  /** Requests at a time, by its own word. */
  readonly slots: number
  /** Tokens a second, by its own word. 0 where not measured. */
  readonly prefillRate: number
  readonly decodeRate: number
  /** Its advertisement has run out and no new one came. */
  readonly expired: boolean
  /** Absent where it did not answer. */
  readonly state?: NodeState
  readonly load?: Load
  /** One round trip, the peer's answering included. */
  readonly rttMs?: number
  /** Why it did not answer. */
  readonly error?: { readonly code: ErrorCode; readonly message: string }
}

/** Models by id, with who serves them. In the order of their names. */
export function listModels(advertisements: readonly Advertisement[]): ModelListing[] {
  const offers = advertisements.flatMap(({ peerId, models }) =>
    models.map((model) => ({ ...model, peerId: peerId.toString() })),
  )
  const byId = Map.groupBy(offers, ({ id }) => id)
  return [...byId]
    .map(([id, same]) => ({
      id,
      aliases: unique(same.flatMap(({ aliases }) => aliases)),
      digests: unique(same.flatMap(({ digest }) => digest ?? [])),
      capabilities: unique(same.flatMap(({ capabilities }) => capabilities)),
      contextLength: longest(same.map(({ contextLength }) => contextLength)),
      peers: unique(same.map(({ peerId }) => peerId)),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Probes one peer and tells what it said, or why it said nothing. Rejects only with the signal's reason. */
export async function listPeer(
  advertisement: Advertisement,
  prober: Pick<Prober, 'probe'>,
  /** How the peer is reached, asked after the probe. */
  reach: () => PeerReach,
  nowMs: number,
  options: { readonly signal: AbortSignal },
): Promise<PeerListing> {
  const { peerId, models, operator, slots, prefillRate, decodeRate } = advertisement
  const claims = {
    peerId: peerId.toString(),
    models: models.map(({ id }) => id),
    operator,
    slots,
    prefillRate,
    decodeRate,
    expired: isExpired(advertisement, nowMs),
  }
  try {
    const first = await prober.probe(peerId, options)
    // The first one may have dialled; the second finds the connection warm.
    const { load, rttMs } = first.rttMs === undefined ? await prober.probe(peerId, options) : first
    return { ...claims, ...reach(), state: load.state, load, ...(rttMs !== undefined && { rttMs }) }
  } catch (cause) {
    options.signal.throwIfAborted()
    const { code, message } = InferenceError.from(cause)
    return { ...claims, ...reach(), error: { code, message } }
  }
}

/** A hundred thousand arguments are more than a call takes. */
function longest(lengths: readonly number[]): number {
  return lengths.reduce((most, length) => Math.max(most, length), 0)
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
