/**
 * Serves the gateway over HTTP.
 *
 * @packageDocumentation
 */

export { type GatewayServer, type GatewayServerInit, serveGateway } from './serve.ts'
export { type PageServer, type PageServerInit, servePagesOnly } from './serve-pages.ts'
