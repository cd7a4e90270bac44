import type { AbortOptions, Connection, Libp2p, Logger, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import {
  CIRCUIT_PROTOCOLS,
  type CircuitStatus,
  decodeHopRequest,
  decodeStopAnswer,
  encodeHopAnswer,
  encodeStopRequest,
  type HopAnswer,
} from '../../protocol/index.ts'
import { closedWithin, openScope } from '../../timing/index.ts'
import { OriginRates } from '../origin-rates.ts'
import { networkOf } from '../subnet.ts'
import { ByteMeter } from './byte-meter.ts'
import { runCircuit } from './circuit.ts'
import { type CircuitMessages, circuitMessages } from './circuit-message.ts'
import { CircuitTable } from './circuit-table.ts'
import { latestConnection } from './latest-connection.ts'
import { RELAY_LIMITS } from './limits.ts'
import { isRelayed } from './relayed.ts'
import { Reservations } from './reservations.ts'

export interface RelayServerInit {
  readonly libp2p: Pick<
    Libp2p,
    'handle' | 'unhandle' | 'getConnections' | 'getMultiaddrs' | 'peerStore' | 'peerId'
  > &
    Pick<Libp2p, 'addEventListener' | 'removeEventListener'>
  /** Of all peers together, both directions. */
  readonly bytesPerSecond: number
  readonly now: () => number
  readonly log: Logger
  /** Fires when the host stops. */
  readonly signal: AbortSignal
}

/** Current use of a relay. */
export interface RelayUse {
  /** Peers that can be reached through it. */
  readonly reservations: number
  readonly maxReservations: number
  /** Relayed connections that are open. */
  readonly circuits: number
  /** Since the start, both directions. */
  readonly bytes: number
  readonly bytesPerSecondLimit: number
  /** Reservations and circuits refused since the start. */
  readonly refused: number
}

/** For the asker to close its side. */
const CLOSE_TIMEOUT_MS = 2_000
/** Keeps the connection to a peer that is reached through us when connections are pruned. */
const TAG = 'skein-reserved'
/** Of one connection: as many as a peer may have circuits, and some that are being set up. */
const MAX_HOP_STREAMS = RELAY_LIMITS.maxCircuitsPerPeer + 8

/**
 * Relays for peers that cannot be reached otherwise (circuit relay v2). It never dials: a circuit leads only to a peer
 * that is connected and has asked to be reached. What it passes on is encrypted between the two ends.
 */
export class RelayServer {
  readonly #init: RelayServerInit
  readonly #reservations = new Reservations({
    maxReservations: RELAY_LIMITS.maxReservations,
    maxPerNetwork: RELAY_LIMITS.maxReservationsPerNetwork,
    ttlMs: RELAY_LIMITS.reservationTtlMs,
  })
  readonly #circuits = new CircuitTable(RELAY_LIMITS)
  readonly #rates = new OriginRates(RELAY_LIMITS.requestRate)
  readonly #meter: ByteMeter
  #stopped: AbortController | undefined
  #bytes = 0
  #refused = 0

  constructor(init: RelayServerInit) {
    this.#init = init
    this.#meter = new ByteMeter(
      {
        bytesPerSecond: init.bytesPerSecond,
        peerBurstBytes: RELAY_LIMITS.peerBurstBytes,
        peerShare: RELAY_LIMITS.peerShare,
        networkShares: RELAY_LIMITS.networkShares,
      },
      init.now(),
    )
  }

  /** Whether it relays now. */
  get isRunning(): boolean {
    return this.#stopped !== undefined
  }

  get use(): RelayUse {
    return {
      reservations: this.#reservations.count(this.#init.now()),
      maxReservations: RELAY_LIMITS.maxReservations,
      circuits: this.#circuits.size,
      bytes: this.#bytes,
      bytesPerSecondLimit: this.#init.bytesPerSecond,
      refused: this.#refused,
    }
  }

  async start(): Promise<void> {
    if (this.#stopped !== undefined) return
    this.#stopped = new AbortController()
    const { libp2p } = this.#init
    libp2p.addEventListener('peer:disconnect', this.#onDisconnect)
    await libp2p.handle(CIRCUIT_PROTOCOLS.hop, this.#onHop, {
      maxInboundStreams: MAX_HOP_STREAMS,
      runOnLimitedConnection: false,
    })
  }

  /** Accepts no more reservations and ends open circuits. */
  async stop(): Promise<void> {
    if (this.#stopped === undefined) return
    this.#stopped.abort()
    this.#stopped = undefined
    const { libp2p } = this.#init
    libp2p.removeEventListener('peer:disconnect', this.#onDisconnect)
    this.#reservations.clear()
    await libp2p.unhandle(CIRCUIT_PROTOCOLS.hop)
  }

  readonly #onDisconnect = ({ detail: peer }: CustomEvent<PeerId>): void => {
    this.#reservations.release(peer.toString())
  }

  readonly #onHop = async (stream: Stream, connection: Connection): Promise<void> => {
    using scope = openScope(
      { timeoutMs: RELAY_LIMITS.handshakeTimeoutMs },
      { owner: this.#init.signal },
    )
    try {
      const messages = circuitMessages(stream)
      const request = decodeHopRequest(await messages.read(scope))
      const refusal = this.#refusalOf(connection)
      if (refusal !== undefined) await this.#refuse(messages, refusal, scope)
      else if (request.type === 'reserve') await this.#reserve(messages, connection, scope)
      else await this.#connect(messages, connection, request.peer, scope)
    } catch (error) {
      this.#init.log('hop stream of %p failed - %e', connection.remotePeer, error)
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #refusalOf(connection: Connection): CircuitStatus | undefined {
    // A relay over a relay would pass the same bytes on twice.
    if (isRelayed(connection.remoteAddr)) return 'permission_denied'
    if (!this.#rates.take(connection, this.#init.now())) return 'resource_limit_exceeded'
    return undefined
  }

  async #refuse(
    messages: CircuitMessages,
    status: CircuitStatus,
    options: AbortOptions,
  ): Promise<void> {
    this.#refused += 1
    await answer(messages, { status }, options)
  }

  async #reserve(
    messages: CircuitMessages,
    { remotePeer, remoteAddr }: Connection,
    options: AbortOptions,
  ): Promise<void> {
    const { libp2p, now } = this.#init
    const network = networkOf(remoteAddr)
    const expiresAtMs = this.#reservations.reserve(remotePeer.toString(), network, now())
    if (expiresAtMs === undefined) return this.#refuse(messages, 'reservation_refused', options)
    await libp2p.peerStore.merge(remotePeer, {
      tags: { [TAG]: { value: 10, ttl: RELAY_LIMITS.reservationTtlMs } },
    })
    const addresses = libp2p
      .getMultiaddrs()
      .filter((address) => !isRelayed(address))
      .map(({ bytes }) => bytes)
    await answer(messages, { status: 'ok', reservation: { expiresAtMs, addresses } }, options)
  }

  async #connect(
    messages: CircuitMessages,
    { remotePeer, remoteAddr }: Connection,
    target: Uint8Array,
    options: AbortOptions,
  ): Promise<void> {
    const { now, libp2p } = this.#init
    const to = peerIdFromMultihash(decodeMultihash(target))
    const network = networkOf(remoteAddr)
    const ends = { from: remotePeer.toString(), to: to.toString(), network }
    const connection = latestConnection(libp2p.getConnections(to))
    if (!this.#reservations.has(ends.to, now()) || connection === undefined) {
      return this.#refuse(messages, 'no_reservation', options)
    }
    const signal = this.#stopped?.signal
    const leave = this.#circuits.enter(ends)
    if (leave === undefined || signal === undefined) {
      return this.#refuse(messages, 'resource_limit_exceeded', options)
    }
    try {
      const far = await openStop(connection, remotePeer, options)
      if (far === undefined) return await this.#refuse(messages, 'connection_failed', options)
      await messages.write(encodeHopAnswer({ status: 'ok' }), options).catch((error: unknown) => {
        far.abort(new Error('the peer that dialled is gone'))
        throw error
      })
      const release = leave
      void runCircuit({
        ends: [messages.unwrap(), far],
        take: (bytes) => {
          this.#bytes += bytes
          return this.#meter.take(ends.from, network, bytes, now())
        },
        idleTimeoutMs: RELAY_LIMITS.idleTimeoutMs,
        signal,
      }).finally(release)
    } catch (error) {
      leave()
      throw error
    }
  }
}

async function answer(
  messages: CircuitMessages,
  message: HopAnswer,
  options: AbortOptions,
): Promise<void> {
  await messages.write(encodeHopAnswer(message), options)
  const stream = messages.unwrap()
  await stream.close(options)
  await closedWithin(stream, CLOSE_TIMEOUT_MS)
}

/** Offers the circuit to the target peer. @returns `undefined` if it refuses */
async function openStop(
  connection: Connection,
  from: PeerId,
  options: AbortOptions,
): Promise<Stream | undefined> {
  const stream = await connection
    .newStream(CIRCUIT_PROTOCOLS.stop, {
      maxOutboundStreams: RELAY_LIMITS.maxCircuitsToPeer,
      ...options,
    })
    .catch(() => undefined)
  if (stream === undefined) return undefined
  try {
    const messages = circuitMessages(stream)
    await messages.write(encodeStopRequest(from.toMultihash().bytes), options)
    if (decodeStopAnswer(await messages.read(options)) === 'ok') return messages.unwrap()
    await stream.close(options)
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
  }
  return undefined
}
