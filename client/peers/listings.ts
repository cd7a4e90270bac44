import type { PeerReach } from '../../host/index.ts'
import {
  type Advertisement,
  type ErrorCode,
  InferenceError,
  isExpired,
  type Load,
  type NodeState,
} from '../../protocol/index.ts'
import type { Prober } from './probe/index.ts'

/** A peer that serves models, and its answer to a probe now. */
export interface PeerListing extends PeerReach {
  readonly peerId: string
  /** Absent if the client is in one swarm only. */
  readonly swarm?: string
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
