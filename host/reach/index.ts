/** Reachability: which addresses this host announces, and which of them were confirmed. */

export { announceRules } from './announce-rules.ts'
export { isPeerPort } from './dial-back-rules.ts'
export type { AddressEvidence, ReachabilityStatus } from './evidence.ts'
export { keepReach, type Reach } from './keep-reach.ts'
export type { NatKind } from './nat-kind.ts'
export { over } from './over-connection.ts'
export { endpointOf, publicIpOf } from './own-address.ts'
export { type AddressSources, OwnAddresses } from './own-addresses.ts'
export type { Reachability } from './reachability.ts'
