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
  /** More than one: peers serve different weights under this id. Pin one with `id@sha256:…`. */
  readonly digests: readonly string[]
  /** What at least one peer offers with the model. */
  readonly capabilities: readonly Capability[]
  /** The longest context that a peer offers, in tokens. 0 if none is advertised. */
  readonly contextLength: number
  /** Ids of the peers that serve it. */
  readonly peers: readonly string[]
}

/** A peer that serves models, and its answer to a probe now. */
export interface PeerListing extends PeerReach {
  readonly peerId: string
  readonly models: readonly string[]
  /** Free text, unverified. */
  readonly operator: string
  /** Requests at a time, as reported by the peer. */
  readonly slots: number
  /** Tokens per second, as reported by the peer. 0 if not measured. */
  readonly prefillRate: number
  readonly decodeRate: number
  /** Its advertisement has expired and no new one arrived. */
  readonly expired: boolean
  /** Absent if the peer did not answer. */
  readonly state?: NodeState
  readonly load?: Load
  /** One round trip, including the time the peer took to answer. */
  readonly rttMs?: number
  /** Why it did not answer. */
  readonly error?: { readonly code: ErrorCode; readonly message: string }
}

/** Models by id, with the peers that serve them, sorted by name. */
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

/** Probes one peer and returns its answer, or why it gave no answer. Rejects only with the signal's reason. */
export async function listPeer(
  advertisement: Advertisement,
  prober: Pick<Prober, 'probe'>,
  /** How the peer is reached, looked up after the probe. */
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
    // The first probe may have dialled; the second one uses the open connection.
    const { load, rttMs } = first.rttMs === undefined ? await prober.probe(peerId, options) : first
    return { ...claims, ...reach(), state: load.state, load, ...(rttMs !== undefined && { rttMs }) }
  } catch (cause) {
    options.signal.throwIfAborted()
    const { code, message } = InferenceError.from(cause)
    return { ...claims, ...reach(), error: { code, message } }
  }
}

/** A hundred thousand values are too many for the arguments of one call. */
function longest(lengths: readonly number[]): number {
  return lengths.reduce((most, length) => Math.max(most, length), 0)
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
