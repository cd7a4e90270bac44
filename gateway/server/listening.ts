import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type HttpBindings, serve } from '@hono/node-server'
import { InferenceError } from '../../protocol/index.ts'

/** How long an idle connection is kept: longer than the SDKs keep theirs, so that the server never closes first. */
const KEEP_ALIVE_MS = 75_000
/** Why a port cannot be listened on, for the operator who chose it. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another program',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'ports below 1024 need privileges',
}
/** Time to receive the headers of a request. */
const HEADERS_MS = 15_000

/**
 * @param respond is given the IP address of the other end
 * @throws InferenceError `invalid_request` for a port in use or an invalid address
 */
export async function listening(
  respond: (request: Request, remoteAddress?: string) => Response | Promise<Response>,
  hostname: string,
  port: number,
): Promise<Server> {
  return await new Promise((resolve, reject) => {
    const server = serve({
      fetch: (request, env) =>
        respond(request, (env as HttpBindings).incoming.socket.remoteAddress),
      // The embedding process keeps its globals.
      overrideGlobalObjects: false,
      hostname,
      port,
      // Uploads have a deadline; answers have none here.
      serverOptions: {
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: HEADERS_MS,
        // How often late connections are checked; Node's default is twice the header timeout.
        connectionsCheckingInterval: 1_000,
        requestTimeout: 300_000,
      },
    }) as Server
    server.once('listening', () => resolve(server))
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = REASONS[cause.code ?? ''] ?? cause.message
      reject(
        new InferenceError(
          'invalid_request',
          `cannot listen on ${hostname}:${port}: ${why}. Name another port or address`,
          { cause, details: { param: 'port' } },
        ),
      )
    })
  })
}

/** Without a slash at the end. */
export function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
