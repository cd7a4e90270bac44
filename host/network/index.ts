/** Keeps a host's connections in step with the network that its machine is in. */

export { watchNetwork } from './network-watch.ts'
