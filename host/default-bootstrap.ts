/**
 * Multiaddrs of the bootstrap peers of the public swarm, for a peer that was given none and knows none. Empty until
 * a public one is in operation: a join then fails with the advice to name one.
 */
export const DEFAULT_BOOTSTRAP: readonly string[] = []
