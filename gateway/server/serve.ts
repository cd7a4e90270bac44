import { systemClock } from '../../timing/index.ts'
import { type GatewayInit, openGateway } from '../gateway.ts'
import type { GatewayClient } from '../gateway-client.ts'
import type { LiveSettings } from '../live-settings.ts'
import { closeIdleSockets } from './idle-sockets.ts'
import { listening, urlOf } from './listening.ts'
import { endSlowUploads } from './slow-uploads.ts'

/** Options of the server, beside those of the gateway. */
export interface GatewayServerInit extends Omit<GatewayInit, 'allowedHosts'> {
  /** @default 127.0.0.1: this machine only */
  readonly host?: string
  /** 0 picks a free one. @default 4810 */
  readonly port?: number
  /** Accepted host names, beside addresses. @default none: only needed without API keys */
  readonly allowedHosts?: readonly string[]
  /** Time for running answers at shutdown. @default 30_000 */
  readonly drainMs?: number
  /** Concurrent connections; new ones replace idle ones. @default 4_096 */
  readonly maxConnections?: number
}

/** A listening gateway. */
export interface GatewayServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string
  /**
   * Replaces these settings, those that are left out by their defaults. Connections and running requests go on.
   */
  update(settings: LiveSettings): void
  /** Waits for running answers, up to `drainMs`, then closes. */
  close(): Promise<void>
}

/**
 * Serves the gateway over HTTP.
 *
 * @throws InferenceError `invalid_request` for a port in use or an invalid address
 */
export async function serveGateway(
  client: GatewayClient,
  init: GatewayServerInit = {},
): Promise<GatewayServer> {
  const { host = '127.0.0.1', port = 4810, drainMs = 30_000, maxConnections = 4_096 } = init
  /** Without a key a server answers to its own names only. */
  const named = (settings: LiveSettings): LiveSettings => ({
    ...settings,
    allowedHosts: [host, ...(settings.allowedHosts ?? [])],
  })
  const gateway = openGateway(client, { metrics: true, ...init, ...named(init) })
  const server = await listening(gateway.respond, host, port)
  closeIdleSockets(server, maxConnections, () => performance.now())
  endSlowUploads(server, systemClock)
  // A few more, so that an idle one can be closed for a new one.
  server.maxConnections = Math.ceil(maxConnections * 1.25)
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve())
    })
    server.closeIdleConnections()
    // Connections that become idle from now on are closed at once.
    server.keepAliveTimeout = 1
    const timer = setTimeout(() => server.closeAllConnections(), drainMs)
    try {
      await closed
    } finally {
      clearTimeout(timer)
      await gateway.close()
    }
  }
  const update = (settings: LiveSettings): void => gateway.update(named(settings))
  return { url: urlOf(server), update, close, [Symbol.asyncDispose]: close }
}
