import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { pipeline, type Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createUnzip } from 'node:zlib'

/** Time for a connection, its handshake included. */
const CONNECT_MS = 10_000

/** Compressed events would come late. */
const PLAIN = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'node' }

/** Codings of a body that some proxies use without being asked. */
const DECODERS: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', createUnzip],
  ['x-gzip', createUnzip],
  ['deflate', createUnzip],
  ['br', createBrotliDecompress],
])

/** What is read of an answer over HTTP. A `Response` has all of it. */
export interface EngineResponse {
  readonly ok: boolean
  readonly status: number
  readonly headers: Pick<Headers, 'get'>
  readonly body: { getReader(): BodyReader } | null
}

/** The bytes of an answer, one read at a time. */
export interface BodyReader {
  read(): Promise<ReadableStreamReadResult<Uint8Array>>
  /** Closes the connection. */
  cancel(): Promise<void>
}

/** The part of `fetch` that calls to engines use; injectable. */
export type Fetch = (url: string, init: RequestInit) => Promise<EngineResponse>

interface CallInit extends RequestInit {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/**
 * `fetch` over Node's own HTTP and its global agents, at a third of the CPU. It has no limits of its own: engines that
 * read a long prompt send nothing for minutes, and the deadlines of a call are those of its signal. Does not follow
 * redirects, which would send requests, and perhaps the key, to a host that is not configured.
 */
export const nodeFetch: Fetch = (url, init) => {
  const { method = 'GET', headers, body, signal } = init as CallInit
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const request = (/^https:/i.test(url) ? https : http).request({
      ...addressOf(url),
      method,
      headers: { ...PLAIN, ...headers, ...length },
    })
    let hasAnswer = false
    // Once there is an answer its reader gets the reason. With an error, Node could emit it on a socket that it has just
    // freed, where nothing listens.
    const stop = (): void => void request.destroy(hasAnswer ? undefined : signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    request.on('close', () => signal?.removeEventListener('abort', stop))
    request.on('socket', (socket) => boundConnecting(request, socket))
    request.on('error', (error) => {
      if (signal?.aborted === true) return reject(signal.reason)
      // Shows whether the connection carried an answer before.
      const { socket } = request
      reject(Object.defineProperty(error, 'socket', { value: socket, configurable: true }))
    })
    request.on('response', (answer) => {
      hasAnswer = true
      const status = answer.statusCode ?? 0
      resolve({
        ok: status >= 200 && status < 300,
        status,
        headers: { get: (name) => [answer.headers[name.toLowerCase()]].flat().join(', ') || null },
        body: { getReader: () => new MessageReader(decoded(answer), signal ?? undefined) },
      })
    })
    request.end(body)
  })
}

/** What Node needs of a URL: it copies all options several times. */
function addressOf(url: string): http.RequestOptions {
  const { hostname, port, pathname, search, username, password } = new URL(url)
  const address = {
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port,
    path: `${pathname}${search}`,
  }
  if (username === '' && password === '') return address
  return { ...address, auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }
}

/** The body of an answer without its coding. */
function decoded(answer: IncomingMessage): Readable {
  const coding = headersOf(answer, 'content-encoding').join(', ')
  const decoder = coding === '' ? undefined : DECODERS.get(coding.trim().toLowerCase())?.()
  // The reader gets the failure of either, and closes both.
  return decoder === undefined ? answer : pipeline(answer, decoder, () => {})
}

/** Values of one header: `answer.headers` would sort all of them. */
function headersOf({ rawHeaders }: IncomingMessage, name: string): readonly string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
}

/** A host that does not answer at all is found soon, however long an engine may think. */
function boundConnecting(request: ClientRequest, socket: Socket): void {
  if (!socket.connecting) return
  const late = setTimeout(() => {
    const error = new Error(`no connection in ${CONNECT_MS / 1_000} s`)
    request.destroy(Object.assign(error, { code: 'ETIMEDOUT' }))
  }, CONNECT_MS)
  const settle = (): void => clearTimeout(late)
  socket.once('encrypted' in socket ? 'secureConnect' : 'connect', settle)
  socket.once('close', settle)
}

/** Bytes kept for a reader before the server has to wait. */
const HIGH_WATER_BYTES = 65_536

interface PendingRead {
  readonly resolve: (part: ReadableStreamReadResult<Uint8Array>) => void
  readonly reject: (reason: unknown) => void
}

/** Reads a message as its reader asks: a slow one slows the server. */
class MessageReader implements BodyReader {
  readonly #message: Readable
  readonly #signal: AbortSignal | undefined
  #parts: Uint8Array[] = []
  #keptBytes = 0
  #isEnded: boolean = false
  #failure: unknown
  #pending: PendingRead | undefined

  constructor(message: Readable, signal: AbortSignal | undefined) {
    this.#message = message
    this.#signal = signal
    message.on('data', (part: Uint8Array) => this.#keep(part))
    message.on('end', () => {
      this.#isEnded = true
      this.#settle()
    })
    message.on('error', (error) => {
      this.#failure = error
      this.#settle()
    })
    message.on('close', () => this.#settle())
  }

  read(): Promise<ReadableStreamReadResult<Uint8Array>> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.#settle()
    })
  }

  async cancel(): Promise<void> {
    this.#message.destroy()
  }

  #keep(part: Uint8Array): void {
    this.#parts.push(part)
    this.#keptBytes += part.byteLength
    if (this.#keptBytes > HIGH_WATER_BYTES) this.#message.pause()
    this.#settle()
  }

  /** Settles the pending read, if it can be. */
  #settle(): void {
    const pending = this.#pending
    if (pending === undefined) return
    // What an aborted call has left behind is dropped, and looks like an end.
    if (this.#signal?.aborted === true) pending.reject(this.#signal.reason)
    else if (this.#parts.length > 0) pending.resolve({ done: false, value: this.#take() })
    else if (this.#failure !== undefined) pending.reject(this.#failure)
    else if (this.#isEnded) pending.resolve({ done: true, value: undefined })
    else if (this.#message.destroyed) pending.reject(new Error('the connection was closed'))
    else return
    this.#pending = undefined
  }

  #take(): Uint8Array {
    const parts = this.#parts
    this.#parts = []
    this.#keptBytes = 0
    if (this.#message.isPaused()) this.#message.resume()
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
  }
}
