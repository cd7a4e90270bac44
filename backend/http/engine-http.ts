import { InferenceError, LIMITS } from '../../protocol/index.ts'
import { failureIn, failureOf } from './failure.ts'
import { eventSplitter, lineSplitter, type Splitter, wholeSplitter } from './framing.ts'
import { type Json, parseJson } from './json.ts'

/** The part of the platform's `fetch` that the HTTP backends use; injectable. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Number of Skein gateways that a request passed, or `node`: a gateway refuses loops. */
const HOPS_HEADER = 'x-skein-hops'

/** Bytes read of an error body. */
const MAX_FAILURE_BYTES = 65_536

export interface EngineHttpInit {
  /** Without a slash at the end. */
  readonly baseUrl: string
  /** Sent as a bearer token, never shown. */
  readonly apiKey?: string | undefined
  /** Sent with every call, never shown. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** @default the global `fetch` */
  readonly fetch?: Fetch | undefined
  /** Longest wait for a short answer: model lists, health. @default 5000 */
  readonly callTimeoutMs?: number | undefined
  /** Longest wait for the first record of a stream; the engine may have to load the model. Restarts with each sign of life. @default 300_000 */
  readonly firstRecordTimeoutMs?: number | undefined
  /** Longest gap between two pieces of a stream. @default 60_000 */
  readonly gapTimeoutMs?: number | undefined
}

interface Sent {
  readonly signal?: AbortSignal | undefined
  /** Skein gateways that the request came through. @default a node's own call */
  readonly hops?: number | undefined
}

interface CallOptions extends Sent {
  /** @default `callTimeoutMs` */
  readonly timeoutMs?: number
}

interface StreamOptions extends Sent {
  /** Server-sent events, or newline-delimited JSON. */
  readonly framing: 'events' | 'lines'
  /** Whether a record only reports progress: the wait for the first record of the answer goes on. @default none does */
  readonly isReport?: (record: string) => boolean
}

export interface EngineHttp {
  readonly baseUrl: string
  /** One short JSON answer. Throws InferenceErrors, and the signal's reason once it fired. */
  get(path: string, options?: CallOptions): Promise<Json>
  post(path: string, body: object, options?: CallOptions): Promise<Json>
  /**
   * Resolves on any answer, and if the engine is too busy to answer in time.
   *
   * @throws InferenceError `engine_failed` if no connection can be made
   */
  requireConnection(path: string, options?: CallOptions): Promise<void>
  /**
   * The records of a streamed answer, without the `[DONE]` that ends one of server-sent events. Leaving the loop closes
   * the connection, which stops the engine.
   */
  stream(path: string, body: object, options: StreamOptions): AsyncGenerator<string>
}

export function createEngineHttp(init: EngineHttpInit): EngineHttp {
  return new HttpConnection(init)
}

class HttpConnection implements EngineHttp {
  readonly baseUrl: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #fetch: Fetch
  readonly #callTimeoutMs: number
  readonly #firstRecordTimeoutMs: number
  readonly #gapTimeoutMs: number
  /** Whether a connection may have been kept. */
  #answered: boolean = false

  constructor(init: EngineHttpInit) {
    this.baseUrl = init.baseUrl.replace(/\/+$/, '')
    const key = init.apiKey === undefined ? {} : { authorization: `Bearer ${init.apiKey}` }
    this.#headers = { ...init.headers, 'content-type': 'application/json', ...key }
    this.#fetch = init.fetch ?? ((url, request) => fetch(url, request))
    this.#callTimeoutMs = init.callTimeoutMs ?? 5000
    this.#firstRecordTimeoutMs = init.firstRecordTimeoutMs ?? 300_000
    this.#gapTimeoutMs = init.gapTimeoutMs ?? 60_000
  }

  async get(path: string, options: CallOptions = {}): Promise<Json> {
    return await this.#call('GET', path, undefined, options)
  }

  async post(path: string, body: object, options: CallOptions = {}): Promise<Json> {
    return await this.#call('POST', path, body, options)
  }

  async requireConnection(path: string, options: CallOptions = {}): Promise<void> {
    using attempt = new Attempt(options.signal)
    attempt.expectWithin(options.timeoutMs ?? this.#callTimeoutMs)
    try {
      await this.#open('GET', path, undefined, { ...options, signal: attempt.signal })
    } catch (error) {
      // It refused for now, or is too busy to answer.
      if (error instanceof InferenceError || attempt.signal.aborted) {
        options.signal?.throwIfAborted()
        return
      }
      throw attempt.explain(error)
    }
  }

  async *stream(
    path: string,
    body: object,
    { signal, framing, hops, isReport }: StreamOptions,
  ): AsyncGenerator<string> {
    using attempt = new Attempt(signal)
    attempt.expectWithin(this.#firstRecordTimeoutMs)
    try {
      const response = await this.#open('POST', path, body, { signal: attempt.signal, hops })
      const decoder = new TextDecoder()
      let splitter: Splitter | undefined
      let begun = false
      const reader = response.body?.getReader()
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
        const text = decoder.decode(part.value, { stream: true })
        splitter ??= splitterFor(framing, text)
        for (const record of splitter?.push(text) ?? []) {
          // A slow consumer is not a slow engine.
          attempt.pause()
          if (framing === 'events' && record.trim() === LAST_EVENT) {
            attempt.isOver = true
            if (reader !== undefined) void readRest(reader)
            return
          }
          begun ||= isReport?.(record) !== true
          yield record
        }
        attempt.expectWithin(begun ? this.#gapTimeoutMs : this.#firstRecordTimeoutMs)
      }
      attempt.pause()
      attempt.isOver = true
      yield* splitter?.end() ?? []
    } catch (error) {
      throw attempt.explain(error)
    }
  }

  async #call(
    method: string,
    path: string,
    body: object | undefined,
    options: CallOptions,
  ): Promise<Json> {
    using attempt = new Attempt(options.signal)
    attempt.expectWithin(options.timeoutMs ?? this.#callTimeoutMs)
    try {
      const response = await this.#open(method, path, body, { ...options, signal: attempt.signal })
      const text = await readText(response, LIMITS.maxResponseBytes)
      const answer = parseJson(text)
      // Some servers and proxies send an error with status 200.
      const failure = method === 'POST' ? failureIn(answer, text) : undefined
      if (failure !== undefined) throw failure
      return answer
    } catch (error) {
      throw attempt.explain(error)
    }
  }

  async #open(
    method: string,
    path: string,
    body: object | undefined,
    { signal, hops }: Sent & { readonly signal: AbortSignal },
  ): Promise<Response> {
    const payload = body === undefined ? {} : { body: JSON.stringify(body) }
    // A redirect would send requests, and perhaps the key, to a host that is not configured.
    const init: RequestInit = {
      method,
      headers: { ...this.#headers, [HOPS_HEADER]: hops === undefined ? 'node' : String(hops) },
      signal,
      redirect: 'error',
      ...payload,
    }
    const response = await this.#send(this.baseUrl + path, init)
    if (response.ok) return response
    throw failureOf(response.status, await readText(response, MAX_FAILURE_BYTES), response.headers)
  }

  /** Retries once on a connection that was closed while idle. */
  async #send(url: string, init: RequestInit): Promise<Response> {
    const startedAt = performance.now()
    try {
      const response = await this.#fetch(url, init)
      this.#answered = true
      return response
    } catch (error) {
      const tookMs = performance.now() - startedAt
      if (init.signal?.aborted || !metStaleConnection(error, this.#answered, tookMs)) throw error
      return await this.#fetch(url, init)
    }
  }
}

/** Ends the events of an answer, by OpenAI's convention. */
const LAST_EVENT = '[DONE]'
/** Time for an engine to end its answer after that. */
const REST_MS = 1_000

/** Reads the end of an answer, so that its connection can carry the next request. Never rejects. */
async function readRest(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const leave = (): void => void reader.cancel().catch(() => {})
  const late = setTimeout(leave, REST_MS)
  late.unref()
  try {
    // Anything but the end is not part of the answer.
    if (!(await reader.read()).done) leave()
  } catch {
    // The connection is gone, which the next request finds out.
  } finally {
    clearTimeout(late)
  }
}

/** Created once: an answer that is left before its end is routine, and a stack would add nothing. */
const LEFT = new InferenceError('cancelled', 'the answer is not read any further')

/** Joins the caller's signal with the deadline of the moment, and closes the connection when it is disposed of. */
class Attempt {
  readonly signal: AbortSignal
  /** Whether the answer was read to its end, so that nothing is left to close. */
  isOver: boolean = false
  readonly #caller: AbortSignal | undefined
  readonly #own = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(caller: AbortSignal | undefined) {
    caller?.throwIfAborted()
    this.#caller = caller
    this.signal =
      caller === undefined ? this.#own.signal : AbortSignal.any([caller, this.#own.signal])
  }

  expectWithin(ms: number): void {
    this.pause()
    const late = (): void => {
      const message = `the engine sent nothing for ${Math.round(ms / 1000)} s`
      this.#own.abort(new InferenceError('engine_failed', message))
    }
    this.#timer = setTimeout(late, ms)
  }

  pause(): void {
    clearTimeout(this.#timer)
  }

  /** The cause of a failure: the caller's abort, else our deadline, else the error of `fetch`. */
  explain(error: unknown): unknown {
    if (this.#caller?.aborted === true) return this.#caller.reason
    if (this.#own.signal.aborted) return this.#own.signal.reason
    if (error instanceof InferenceError) return error
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const why = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
    return new InferenceError('engine_failed', `the engine's connection failed${why}`, {
      cause: error,
    })
  }

  [Symbol.dispose](): void {
    this.pause()
    if (!this.isOver) this.#own.abort(LEFT)
  }
}

/**
 * Framing of an answer by its first characters: an event stream cannot begin like JSON.
 *
 * @returns undefined while only white space has arrived
 * @throws InferenceError `engine_failed` for a web page, as proxies send
 */
function splitterFor(framing: StreamOptions['framing'], beginning: string): Splitter | undefined {
  const [first] = beginning.replace(/^\uFEFF/, '').trimStart()
  if (first === undefined) return undefined
  if (first === '<') {
    throw new InferenceError(
      'engine_failed',
      'the engine answered with a web page; check its address',
    )
  }
  if (framing === 'lines') return lineSplitter(LIMITS.maxFrameBytes)
  const isWhole = first === '{' || first === '['
  return isWhole ? wholeSplitter(LIMITS.maxResponseBytes) : eventSplitter(LIMITS.maxFrameBytes)
}

/** Error codes of a connection that the server closed while idle. */
const CLOSED_CODES: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])
/** A connection closed earlier fails at once; an engine that crashes on the request takes longer. */
const STALE_WITHIN_MS = 2_000

/**
 * Whether a request met a kept-alive connection that its server had already closed: no byte of an answer came, and the
 * connection had carried an answer before. Such a request was not processed, and can be sent again.
 */
function metStaleConnection(error: unknown, wasUsed: boolean, tookMs: number): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof Error) || tookMs > STALE_WITHIN_MS) return false
  const { code, socket } = cause as { readonly code?: unknown; readonly socket?: unknown }
  if (typeof code !== 'string' || !CLOSED_CODES.has(code)) return false
  const { bytesRead } = (socket ?? {}) as { readonly bytesRead?: unknown }
  return typeof bytesRead === 'number' ? bytesRead > 0 : wasUsed
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const bytes of response.body ?? []) {
    size += bytes.length
    if (size > maxBytes)
      throw new InferenceError('engine_failed', 'the engine sent more than allowed')
    text += decoder.decode(bytes, { stream: true })
  }
  return text + decoder.decode()
}
