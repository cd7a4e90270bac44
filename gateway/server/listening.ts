import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { InferenceError } from '../../protocol/index.ts'
import { systemClock } from '../../timing/index.ts'
import { errorResponse, textsOf } from '../http/index.ts'
import { inTurn } from './in-turn.ts'
import { sendEarly } from './send-early.ts'
import { sendTexts } from './send-texts.ts'

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
    const answer = getRequestListener(
      async (request, env) => {
        const { incoming, outgoing } = env as HttpBindings
        const response = await respond(request, incoming.socket.remoteAddress)
        const texts = textsOf(response)
        if (texts !== undefined) await sendTexts(outgoing, response, texts)
        else if (response.ok || incoming.complete) return response
        else await sendEarly(incoming, outgoing, response, systemClock)
        return RESPONSE_ALREADY_SENT
      },
      // The embedding process keeps its globals.
      { hostname, overrideGlobalObjects: false, errorHandler: unreadable },
    )
    // Uploads have a deadline; answers have none here.
    const times = {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_MS,
      // How often late connections are checked; Node's default is twice the header timeout.
      connectionsCheckingInterval: 1_000,
      requestTimeout: 300_000,
    }
    const server = createServer(
      times,
      inTurn((incoming, outgoing) => void answer(incoming, outgoing)),
    )
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
    server.listen(port, hostname)
  })
}

/** The answer where the request line and the `Host` header make no URL, so that no route can answer. */
function unreadable(error: unknown): Response {
  if (!(error instanceof RequestError)) return errorResponse(InferenceError.from(error), '')
  const message = `the URL of the request cannot be read (${error.message}): name the gateway in the Host header by a name or an address in its usual form, such as 127.0.0.1 or [::1], and write the path without backslashes`
  return errorResponse(new InferenceError('invalid_request', message), '')
}

/** Without a slash at the end. */
export function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
