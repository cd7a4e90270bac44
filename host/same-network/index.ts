/**
 * Finds peers behind the same router without multicast, so that neighbours use their LAN.
 *
 * @packageDocumentation
 */

export { isOnLink } from './on-link.ts'
export { SameNetwork } from './same-network.ts'
export { createSameNetworkServer } from './server.ts'
