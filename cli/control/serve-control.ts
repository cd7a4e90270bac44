import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import { InferenceError } from '../../protocol/index.ts'
import { diskFaultOf } from '../../storage/index.ts'
import type { ModelDesk } from '../local-models/index.ts'
import { loopbackAddress } from '../loopback.ts'
import { leaveDoor } from './door-file.ts'
import { carryOut, ORDER, type Reply } from './orders.ts'

const MAX_ORDER_BYTES = 16_384
const MAX_CONNECTIONS = 32
const HEADERS_MS = 5_000
/** A line this often shows the command that the process is alive. */
const ALIVE_MS = 5_000

export interface ControlInit {
  readonly dataDir: string
  /** Absent if this process has no models of its own. */
  readonly desk?: ModelDesk | undefined
  /** Receives why commands cannot reach this process. */
  readonly onFault: (message: string) => void
  /** The state of the console as server-sent events. Absent without a console. */
  readonly events?: ((signal: AbortSignal) => AsyncGenerator<string, void, void>) | undefined
}

/**
 * Lets commands of the same user control this process: on the loopback address, with a token that only they can read.
 * Browsers are refused by their Origin header, and have no token.
 */
export async function serveControl(init: ControlInit): Promise<AsyncDisposable> {
  const token = randomBytes(32).toString('base64url')
  const stop = new AbortController()
  const server = createServer({ headersTimeout: HEADERS_MS }, (request, response) => {
    answer(request, response, { ...init, token, signal: stop.signal }).catch(() => {
      response.destroy()
    })
  })
  server.maxConnections = MAX_CONNECTIONS
  const host = loopbackAddress()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
  const offers = [
    ...(init.desk === undefined ? [] : (['models'] as const)),
    ...(init.events === undefined ? [] : (['console'] as const)),
  ]
  const door = { pid: process.pid, url, token, dataDir: init.dataDir, offers }
  const removeDoor = await leaveDoor(door).catch((error: unknown) => {
    const fault = diskFaultOf(error)
    if (fault === undefined) throw error
    init.onFault(`commands cannot reach this process: ${fault.reason}`)
    return async () => {}
  })
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new InferenceError('draining', 'the process is stopping'))
      await removeDoor()
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

interface Context extends ControlInit {
  readonly token: string
  readonly signal: AbortSignal
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { token, desk, events, signal }: Context,
): Promise<void> {
  const left = new AbortController()
  response.once('close', () => left.abort(new InferenceError('cancelled', 'the command left')))
  const refuse = (status: number, message: string): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ reply: 'failed', code: 'unauthorized', message }))
  }
  if (request.headers.origin !== undefined) return refuse(403, 'not for web pages')
  if (!isEqual(request.headers.authorization ?? '', `Bearer ${token}`)) {
    return refuse(401, 'this needs the token of its owner')
  }
  const until = AbortSignal.any([signal, left.signal])
  if (request.method === 'GET' && request.url === '/events') {
    if (events === undefined) return refuse(404, 'this process has no console')
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for await (const text of events(until)) if (!response.write(text)) await drained(response)
    response.end()
    return
  }
  if (request.method !== 'POST' || request.url !== '/orders') return refuse(404, 'no such path')
  const order = ORDER.safeParse(await readOrder(request))
  if (!order.success) return refuse(400, 'an unknown order: are both commands of one version?')
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  const tell = (reply: Reply): void => {
    response.write(`${JSON.stringify(reply)}\n`)
  }
  const alive = setInterval(() => response.write('\n'), ALIVE_MS)
  try {
    if (desk === undefined) {
      throw new InferenceError('invalid_request', 'this process has no models of its own')
    }
    await carryOut(order.data, desk, { signal: until, tell })
  } catch (error) {
    const { code, message } = InferenceError.from(error)
    tell({ reply: 'failed', code, message })
  } finally {
    clearInterval(alive)
    response.end()
  }
}

async function readOrder(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk as string
    if (text.length > MAX_ORDER_BYTES) return undefined
  }
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve).once('close', resolve)
  })
}

function isEqual(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
