import type { Connection, PeerId, Stream } from '@libp2p/interface'
import {
  decodeAdvertisementRequest,
  encodeAdvertisementResponse,
  FrameWriter,
  InferenceError,
  LIMITS,
  readFrames,
} from '../protocol/index.ts'
import { openScope } from '../timing/index.ts'
import { closedWithin } from './closed-within.ts'
import { PeerRates } from './peer-rates.ts'

export interface ExchangeServerInit {
  /** Own advertisement, sealed; empty where there is none. */
  readonly own: () => Uint8Array
  /** Advertisements of others that may be passed on, sealed. */
  readonly known: (asker: PeerId) => readonly Uint8Array[]
  /** From 0 to 1. */
  readonly random: () => number
  readonly now: () => number
}

/** From the first byte to the last, both ways: an honest exchange takes one round trip. */
const EXCHANGE_TIMEOUT_MS = 5_000
/** Time for the asker to close its side. */
const CLOSE_TIMEOUT_MS = 2_000
/** A request is one small number. */
const MAX_REQUEST_BYTES = 64
/** Of one peer: a burst for reconnects, then a steady rate far above what a client needs. */
const RATE = { burst: 20, perSecond: 2 }

/** Answers on the advertisement protocol. The handler never throws: what a peer does wrong resets its stream. */
export function createExchangeServer(
  init: ExchangeServerInit,
): (stream: Stream, connection: Connection) => Promise<void> {
  const rates = new PeerRates(RATE)

  return async (stream, connection) => {
    using scope = openScope({ timeoutMs: EXCHANGE_TIMEOUT_MS })
    const onDeadline = (): void =>
      stream.abort(new InferenceError('stalled', 'the peer took too long to ask'))
    scope.signal.addEventListener('abort', onDeadline, { once: true })
    try {
      if (!rates.take(connection.remotePeer, init.now()))
        throw new InferenceError('rate_limited', 'too many requests')
      const maxKnown = await readRequest(stream)
      // What comes after it is thrown away: unread, it would sit in memory that no budget counts.
      await stream.closeRead()
      const response = {
        own: init.own(),
        known: sampleEnvelopes(init.known(connection.remotePeer), maxKnown, init.random),
      }
      const writer = new FrameWriter(stream)
      await writer.write(encodeAdvertisementResponse(response), { signal: scope.signal })
      const closed = closedWithin(stream, CLOSE_TIMEOUT_MS)
      await writer.close({ signal: scope.signal })
      await closed
    } catch (error) {
      stream.abort(InferenceError.from(error))
    } finally {
      scope.signal.removeEventListener('abort', onDeadline)
    }
  }
}

async function readRequest(stream: Stream): Promise<number> {
  const bounds = {
    maxFrameBytes: MAX_REQUEST_BYTES,
    maxFrames: 1,
    maxTotalBytes: MAX_REQUEST_BYTES,
  }
  for await (const frame of readFrames(stream, bounds)) return decodeAdvertisementRequest(frame)
  throw new InferenceError('truncated', 'the peer asked nothing')
}

/** Room in a frame for the own advertisement and the encoding around the others. */
const RESERVED_BYTES = LIMITS.maxAdvertisementBytes + 1_024

/** A random choice of at most `count` that fits into one frame, so that asking often or several peers tells of more. */
export function sampleEnvelopes(
  envelopes: readonly Uint8Array[],
  count: number,
  random: () => number,
): Uint8Array[] {
  const left = [...envelopes]
  const chosen: Uint8Array[] = []
  let bytes = RESERVED_BYTES
  while (left.length > 0 && chosen.length < count) {
    const index = Math.min(left.length - 1, Math.floor(random() * left.length))
    const [envelope] = left.splice(index, 1)
    if (envelope === undefined) break
    // Four bytes are the most that a field's tag and length take at this size.
    bytes += envelope.length + 4
    if (bytes > LIMITS.maxFrameBytes) break
    chosen.push(envelope)
  }
  return chosen
}
