/**
 * Direct paths between two NATs: a second connection by WebRTC beside the relayed one, with the sockets found by the STUN
 * servers of the swarm's own bootstrap peers.
 *
 * @packageDocumentation
 */

export { type DirectPathsState, keepDirectPaths } from './keep-direct-paths.ts'
