/**
 * A bootstrap peer: it introduces peers to one another, serves the DHT and relays connections. It keeps its identity
 * and its port, so that its address stays valid.
 *
 * @example
 * import { createBootstrap } from 'skein/bootstrap'
 *
 * const listen = ['/ip4/0.0.0.0/tcp/4801']
 * await using bootstrap = await createBootstrap({ dataDir: './bootstrap-data', listen })
 * console.log(bootstrap.host.addresses().map(String))
 *
 * @packageDocumentation
 */

export { createSwarmKey, decodeInvite, encodeInvite, type Invite } from '../host/index.ts'
export { type Bootstrap, type BootstrapInit, createBootstrap } from './bootstrap.ts'
