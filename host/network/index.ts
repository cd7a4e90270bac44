/** Keeps a host's connections in step with the network that its machine is in. */

export { Handshakes } from './handshakes.ts'
export { IpVersions } from './ip-versions.ts'
export { watchNetwork } from './network-watch.ts'
export { SilentAddresses } from './silent-addresses.ts'
export { type PatientDialOptions, tcpTransport } from './tcp-transport.ts'
export { webSocketTransport } from './web-socket-transport.ts'
