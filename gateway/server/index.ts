/**
 * The gateway on a port.
 *
 * @packageDocumentation
 */
export { type GatewayServer, type GatewayServerInit, serveGateway } from './serve.ts'
