/** Bounds of dial-back, on both sides. */
export const DIAL_BACK = {
  /** Connecting, the handshake, and handing over the nonce. */
  dialTimeoutMs: 5_000,
  /** From the request to the response: the dials run at once. */
  askTimeoutMs: 12_000,
  /** Requests served at a time. */
  maxConcurrent: 16,
  /** Requests of one peer: some for the first tests of its addresses, then a steady trickle for those that changed. */
  perPeer: { burst: 6, perSecond: 0.03 },
  /** Requests from one /24 of IPv4 or /48 of IPv6. */
  perNetwork: { burst: 24, perSecond: 0.2 },
  /** Requests of all peers together. */
  total: { burst: 100, perSecond: 10 },
  /** A confirmed address is tested again after this long. */
  confirmedMs: 1_800_000,
  /** A refuted one is: the port may be open by now. */
  refuted: { minMs: 10_000, maxMs: 600_000 },
  /** One that could not be tested is: other peers may be there by now. */
  untested: { minMs: 10_000, maxMs: 300_000 },
  /** Votes against an address count this long. */
  voteMs: 3_600_000,
  /** A peer that could not say anything about an address is not asked about it for this long. */
  avoidMs: 300_000,
  /** Between attempts to reach a tester over an IP version that no connection uses. */
  familyRetryMs: 60_000,
} as const

/** Ports below 1024 are services of the system, except those of the web. */
export const WEB_PORTS: ReadonlySet<number> = new Set([80, 443])

/** A nonce and the encoding around it. */
export const MAX_NONCE_FRAME_BYTES = 64
