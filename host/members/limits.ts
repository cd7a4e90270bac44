/** Times and bounds of membership. */
export const MEMBERSHIP = {
  /** From the opened connection to the proof of both sides. A joining machine's question ends within it, too. */
  proofTimeoutMs: 15_000,
  /** Question and answer, once connected. */
  exchangeTimeoutMs: 10_000,
  /** Questions of one connection at a time. */
  maxInboundStreams: 8,
  /** Streams of one connection that wait for its proof. */
  maxHeldStreams: 64,
  /** Bytes of lists in one message: the rest of the frame is for what is not a list. Far more than one list has. */
  maxListBytes: 900_000,
  /** Clock difference at which an expired certificate still counts. */
  expiryToleranceMs: 300_000,
  /** The same for one that is not valid yet: two days. Its beginning protects nothing, so a clock that is a day off does no harm. */
  startToleranceMs: 172_800_000,
  /** Lifetime of a certificate by an admin, 30 days; renewed when a third of it has passed. */
  memberLifetimeMs: 2_592_000_000,
  /** Lifetime of an admin's certificate, ten years: only the owner renews it, whose key may be offline or lost. */
  adminLifetimeMs: 315_360_000_000,
  /** How often lists are compared with connected members, and certificates checked. */
  checkIntervalMs: 20_000,
  /** A used or expired invite, and an expired certificate, stay in the list this long: 30 days. */
  keepMs: 2_592_000_000,
  /** How long older pre-shared keys are accepted after a rotation, unless stated: a day. */
  overlapMs: 86_400_000,
  /** The longest such time, 30 days. */
  maxOverlapMs: 2_592_000_000,
  /** Proofs that are verified: three signatures each, one for each connection. */
  hellos: {
    perPeer: { burst: 20, perSecond: 0.5 },
    perNetwork: { burst: 400, perSecond: 10 },
  },
  /** Handing over the lists to all members at once: those that are slower get them later. */
  spreadMs: 2_500,
  /** Silence of members after which their lists are no longer waited for. */
  catchUpMs: 2_000,
  /** Lists of one peer that are verified: a burst, then a steady rate. */
  updates: { burst: 40, perSecond: 1 },
  /** Join requests of one peer, and of one invite when a member passes them on. */
  joins: { burst: 5, perSecond: 0.1 },
  /** Join requests of all peers together: each costs this machine a signature. */
  allJoins: { burst: 50, perSecond: 2 },
  /** For one admin's answer to a join request: three of them fit into the asker's patience. */
  passOnTimeoutMs: 2_500,
  /** Admins that a join request is passed on to. */
  maxAdminsAsked: 3,
} as const
