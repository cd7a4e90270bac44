/** Bounds of direct paths between NATs, on both sides. */
export const DIRECT_PATH = {
  /** From the first packet to an open channel. A path that exists opens within a second or so. */
  openMs: 3_000,
  /** Of that, the wait for the STUN server. */
  gatherMs: 1_000,
  /** The handshakes over the open channel. */
  upgradeMs: 3_000,
  /** Attempts under way, both directions together. */
  maxAttempts: 4,
  /** Direct paths open at a time, for each of which the system gives a socket. */
  maxOpen: 64,
  /** Of both, those that peers offer leave a quarter to this host's own. */
  offeredPart: 0.75,
  /** Offers of one peer that are considered. */
  perPeer: { burst: 2, perSecond: 0.03 },
  /** Attempts of this host, and offers of all peers. */
  total: { burst: 16, perSecond: 1 },
  /** Wait before another attempt with a peer, by failures in a row. */
  backoff: { minMs: 60_000, maxMs: 3_600_000 },
  /** A path that was open for so long counts as proven. */
  provenMs: 600_000,
  /** Interval of looks for peers whose next attempt is due. */
  lookMs: 15_000,
  /** One offer or answer: three sightings of at most 1 KiB, and the rest. */
  maxMessageBytes: 5_120,
  /** Lower ports belong to services of the system. */
  minPort: 1_024,
  /** Sockets of a peer that packets are sent to. */
  maxCandidates: 4,
  /** Longest message that is accepted over the channel. */
  maxMessageSize: 65_536,
  /** Of those that are sent, which show a slow receiver sooner that something comes. */
  sentMessageSize: 16_384,
  /** A sender waits above the first, until no more than the second are unsent. */
  unsentBytes: { high: 1_048_576, low: 262_144 },
  /** Bytes that may have come and not been read yet: WebRTC has no way to slow a sender down. */
  maxUnreadBytes: 33_554_432,
  /** Sockets that must be free for one: the library takes one, and ends the process if it gets none. */
  spareSockets: 16,
  /** Time for unsent bytes to leave before the channel closes. */
  flushMs: 1_000,
} as const

/** Checks of a direct path that is in use. A path that dies is left within some six seconds. */
export const PATH_WATCH = {
  /** Interval of looks at it. */
  lookMs: 1_000,
  /** Silence after which it is checked. */
  quietMs: 1_000,
  /** Silence after each of two pings. Round trips over the Internet take a tenth of it. */
  answerMs: 2_000,
  /** Rate of the slowest upload, 64 kbit/s: what was sent delays the answer to a ping by so much, ... */
  leastBytesPerSecond: 8_192,
  /** ... and by no more than this. WebRTC's own checks, which wait behind nothing, notice after as long. */
  maxDelayMs: 30_000,
} as const

/** Bounds of sightings, on both sides. */
export const SIGHTINGS = {
  askMs: 1_000,
  /** One sighting, and a port. */
  maxResponseBytes: 1_088,
  /** A sighting is asked for again after this long. */
  renewMs: 300_000,
  /** Older ones prove nothing. More than `renewMs` and the tolerated clock skew, which is five minutes. */
  maxAgeMs: 900_000,
  /** Questions of one peer, and of one public network. */
  perPeer: { burst: 4, perSecond: 0.03 },
  perNetwork: { burst: 40, perSecond: 1 },
} as const

/** Bounds of the STUN server, which answers any address that a packet claims to come from. */
export const STUN = {
  /** Answers to one IPv4 address. */
  perAddress: { burst: 16, perSecond: 1 },
  /** Answers to one /24. */
  perNetwork: { burst: 128, perSecond: 16 },
  /** All answers, of 32 bytes each. */
  total: { burst: 1_000, perSecond: 500 },
  maxRequestBytes: 548,
  /** Lower ports belong to services of the system, which may answer in turn. */
  minPort: 1_024,
} as const
