/** Bounds of port mappings. */
export const PORT_MAPPING = {
  /** A mapping lapses after this long unless it is renewed, which is done half-way. */
  lifetimeSeconds: 3_600,
  /** For one method: search, mapping and the question for the outer address. */
  timeoutMs: 5_000,
  /** Removing the mapping when the host stops. */
  unmapTimeoutMs: 1_500,
  /** Interval of checks whether a mapping is needed. */
  checkMs: 5_000,
  /** Between searches for a router that maps ports. */
  retry: { minMs: 60_000, maxMs: 1_800_000 },
} as const
