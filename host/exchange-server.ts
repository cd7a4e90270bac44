import type { Connection, PeerId, Stream } from '@libp2p/interface'
import {
  decodeAdvertisementRequest,
  encodeAdvertisementResponse,
  InferenceError,
  LIMITS,
} from '../protocol/index.ts'
import { answerOnce } from './one-shot.ts'
import { OriginRates } from './origin-rates.ts'

export interface ExchangeServerInit {
  /** Own advertisement, sealed; empty before the first one is issued. */
  readonly own: () => Uint8Array
  /** Sealed advertisements of other peers to share, in groups of decreasing priority. */
  readonly known: (asker: PeerId) => readonly (readonly Uint8Array[])[]
  /** From 0 to 1. */
  readonly random: () => number
  readonly now: () => number
}

/** An honest exchange takes one round trip, and its request is one small number. */
const QUESTION = { timeoutMs: 5_000, maxRequestBytes: 64 }
/** Requests: a burst for reconnects, then a steady rate far above what a client needs. */
const RATE = {
  perPeer: { burst: 20, perSecond: 2 },
  perNetwork: { burst: 400, perSecond: 40 },
}

/** Answers on the advertisement protocol. The handler never rejects. */
export function createExchangeServer(
  init: ExchangeServerInit,
): (stream: Stream, connection: Connection) => Promise<void> {
  const rates = new OriginRates(RATE)

  return (stream, connection) =>
    answerOnce(stream, QUESTION, (request) => {
      if (!rates.take(connection, init.now())) {
        throw new InferenceError('rate_limited', 'too many requests')
      }
      const maxKnown = decodeAdvertisementRequest(request)
      return encodeAdvertisementResponse({
        own: init.own(),
        nowMs: init.now(),
        known: sampleGroups(init.known(connection.remotePeer), maxKnown, init.random),
      })
    })
}

/** Room in a frame for the own advertisement and the encoding around the others. */
const RESERVED_BYTES = LIMITS.maxAdvertisementBytes + 1_024

function sampleGroups(
  groups: readonly (readonly Uint8Array[])[],
  count: number,
  random: () => number,
): Uint8Array[] {
  const chosen: Uint8Array[] = []
  let bytes = RESERVED_BYTES
  for (const group of groups) {
    const sample = sampleEnvelopes(group, count - chosen.length, random, bytes)
    for (const envelope of sample) bytes += envelope.length + FIELD_BYTES
    chosen.push(...sample)
  }
  return chosen
}

/** Four bytes are the most that a field's tag and length take at this size. */
const FIELD_BYTES = 4

/** A random choice of at most `count` that fits into one frame, so that repeated queries, or queries to several peers, return more. */
export function sampleEnvelopes(
  envelopes: readonly Uint8Array[],
  count: number,
  random: () => number,
  usedBytes: number = RESERVED_BYTES,
): Uint8Array[] {
  const left = [...envelopes]
  const chosen: Uint8Array[] = []
  let bytes = usedBytes
  while (left.length > 0 && chosen.length < count) {
    const index = Math.min(left.length - 1, Math.floor(random() * left.length))
    const [envelope] = left.splice(index, 1)
    if (envelope === undefined) break
    bytes += envelope.length + FIELD_BYTES
    if (bytes > LIMITS.maxFrameBytes) break
    chosen.push(envelope)
  }
  return chosen
}
