/**
 * Limits of a relay. Inference is light (15 KB/s for a fast answer), so an honest peer never reaches one of the byte
 * limits; they slow a stream down and never cut it.
 */
export const RELAY_LIMITS = {
  /** Peers that may be reached through this relay at a time. */
  maxReservations: 512,
  /** Of these from one network (/24 of IPv4, /48 of IPv6). */
  maxReservationsPerNetwork: 32,
  /** A reservation is renewed well before, so that a lost renewal costs nothing. */
  reservationTtlMs: 3_600_000,
  /** Relayed connections at a time, of all peers. */
  maxCircuits: 1_024,
  /** Relayed connections that one peer may open at a time. Each carries any number of streams. */
  maxCircuitsPerPeer: 16,
  /** Relayed connections that all peers of one network may open at a time. */
  maxCircuitsPerNetwork: 512,
  /** Relayed connections that lead to one peer at a time. */
  maxCircuitsToPeer: 256,
  /** Of these from one network. */
  maxCircuitsToPeerPerNetwork: 64,
  /**
   * Hop requests: a burst for a client that meets all the providers that one look-up may find, and dials some of them
   * again for its requests, then a steady rate.
   */
  requestRate: {
    perPeer: { burst: 160, perSecond: 4 },
    perNetwork: { burst: 512, perSecond: 32 },
  },
  /** Question and answer, the other peer's included. */
  handshakeTimeoutMs: 10_000,
  /** A circuit on which nothing moves for so long ends. libp2p pings over it every half minute. */
  idleTimeoutMs: 120_000,
  /** Bytes that one peer may send and receive before it is slowed to its steady rate. */
  peerBurstBytes: 67_108_864,
  /** Steady rate of one peer as a part of the relay's total. */
  peerShare: 0.0625,
  /** Burst and rate of all peers of one network together, as a multiple of those of one peer. */
  networkShares: 4,
  /** Relayed bytes a second of all peers together, both directions: an eighth of a 1 Gbit/s line at a bootstrap peer. */
  bootstrapBytesPerSecond: 16_777_216,
  /** The same at a node, which has answers of its own to send. */
  nodeBytesPerSecond: 2_097_152,
} as const
