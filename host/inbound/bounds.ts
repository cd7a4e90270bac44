/** Bounds on the connections of a host. */
export interface ConnectionBounds {
  readonly open: number
  readonly openPerNetwork: number
  readonly openPerAddress: number
  /** Connections with a pending handshake. */
  readonly pending: number
  readonly pendingPerAddress: number
}

/** Enough for a node that many clients use at a time. */
const MOST_OPEN = 1_000
const MOST_PENDING = 400
/** For files, the datastore, engines, HTTP and everything else that is not a connection. */
const KEPT_DESCRIPTORS = 64

/**
 * Bounds that leave file descriptors for the rest of the process.
 *
 * @param descriptors that the process may have open (`ulimit -n`)
 */
export function connectionBounds(descriptors: number): ConnectionBounds {
  const free = Math.max(24, descriptors - KEPT_DESCRIPTORS)
  const open = Math.min(MOST_OPEN, Math.floor(free * 0.6))
  const pending = Math.min(MOST_PENDING, Math.floor(free * 0.2))
  return {
    open,
    openPerNetwork: Math.ceil(open * 0.75),
    openPerAddress: Math.ceil(open / 2),
    pending,
    pendingPerAddress: Math.max(2, Math.floor(pending / 4)),
  }
}
