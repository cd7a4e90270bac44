/**
 * Circuit relay v2 with limits that fit inference: the server on hosts that others can reach, the loop that keeps
 * reservations on hosts that cannot be reached directly, and the transport that dials through relays.
 *
 * @example
 * async function relay(init: ConstructorParameters<typeof RelayServer>[0]): Promise<void> {
 *   const server = new RelayServer(init)
 *   await server.start()
 * }
 * const announced = (keeper: RelayKeeper) => keeper.held.flatMap(({ addresses }) => addresses)
 *
 * @packageDocumentation
 */

export { RELAY_LIMITS } from './limits.ts'
export { RelayKeeper } from './relay-keeper.ts'
export { RelayServer, type RelayUse } from './relay-server.ts'
export { RelaySuspicions } from './relay-suspicions.ts'
export { relayTransport } from './relay-transport.ts'
export { isReachedByRelay, isRelayed, relayOf } from './relayed.ts'
