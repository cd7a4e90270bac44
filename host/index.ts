/**
 * The libp2p host that every role shares: transports, identity, DHT, advertisement exchange, private swarms, and stored
 * state.
 *
 * @example
 * import { modelKey } from '../protocol/index.ts'
 *
 * await using host = await createHost({ dht: 'client', bootstrap: ['/dns4/…/tcp/4801/p2p/12D3Koo…'] })
 * const result = await host.joined()
 * if (!result.joined) throw new Error(result.reasons.join('\n'))
 * for await (const peer of host.findProviders(await modelKey('llama3.2:3b', 0))) console.log(peer.toString())
 *
 * @packageDocumentation
 */
export type { AbortOptions } from '../timing/index.ts'
export type { Acquaintance } from './acquaintance.ts'
export {
  type BootstrapList,
  MAX_BOOTSTRAP_LIST_BYTES,
  openBootstrapList,
  sealBootstrapList,
} from './bootstrap-list.ts'
export { answers } from './connection-check.ts'
export { createHost } from './create-host.ts'
export { DataDirLockedError, lockDataDir, lockDataDirInTurn } from './data-dir-lock.ts'
export { DEFAULT_BOOTSTRAP } from './default-bootstrap.ts'
export type { DirectPathsState } from './direct-path/index.ts'
export { isDirectPath } from './direct-path-address.ts'
export type {
  AdvertisementBook,
  BootstrapState,
  Host,
  HostInit,
  JoinOptions,
  JoinResult,
  RelayingState,
  TestedOptions,
} from './host.ts'
export { loadIdentity } from './identity.ts'
export { setIdle } from './inbound/index.ts'
export { decodeInvite, encodeInvite, type Invite } from './invite.ts'
export { listenReason } from './listen-failure.ts'
export {
  type CreateSwarmInit,
  createSwarm,
  decodeMemberInvite,
  type HostMembership,
  type InviteInit,
  inviteMember,
  type JoiningHost,
  joinSwarm,
  type ManageOptions,
  type MemberInvite,
  Membership,
  type MembershipInit,
  openInvites,
  promoteMember,
  type RotateOptions,
  readOwnerKey,
  rejoinSwarm,
  revokeMember,
  rotateSwarmKey,
} from './members/index.ts'
export { type AskInit, answerOnce, askOnce, type Dialer } from './one-shot.ts'
export type { ClockOff, ClockReport } from './peer-clocks.ts'
export { PeerRates } from './peer-rates.ts'
export { type PeerReach, peerReach } from './peer-reach.ts'
export type { PortMapping } from './port-mapping/index.ts'
export type { AddressEvidence, NatKind, Reachability, ReachabilityStatus } from './reach/index.ts'
export { isReachedByRelay, isRelayed, type RelayUse, relayOf } from './relay/index.ts'
export { shuffled } from './shuffled.ts'
export { networkOf, subnetsOf } from './subnet.ts'
export { createSwarmKey, swarmKeyOf } from './swarm-key.ts'
