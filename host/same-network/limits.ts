/** Bounds of the same-network question, on both sides. */
export const SAME_NETWORK = {
  /** A peer id as a multihash: 34 bytes for a hashed one, 38 for an inlined Ed25519 key. */
  maxRequestBytes: 64,
  maxResponseBytes: 8,
  /** The asker waits this long before it dials another address. */
  timeoutMs: 1_000,
  /** For a first connection in the LAN, which takes a millisecond where there is one. */
  knockTimeoutMs: 1_000,
  /** Questions of one peer: one for each peer that it dials. */
  perPeer: { burst: 64, perSecond: 2 },
  /** The same for all peers of a public network. */
  perNetwork: { burst: 640, perSecond: 20 },
  /** Peers that are asked. */
  maxAsked: 2,
  /** An answer holds this long. */
  yesMs: 600_000,
  noMs: 60_000,
  /** A question that no peer answered in time is asked again after this long. */
  unansweredMs: 5_000,
  /** Peers and addresses whose answers are kept. */
  maxKept: 1_024,
  /** Lower ports belong to services of the system. */
  minPort: 1_024,
} as const
