import { InferenceError, LIMITS } from '../../protocol/index.ts'
import { failureOf } from './failure.ts'
import { eventSplitter, lineSplitter } from './framing.ts'
import { type Json, parseJson } from './json.ts'

/** The part of the platform's `fetch` that the HTTP backends use, so that another one can take its place. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Says how many Skein gateways a request came through, or that a node sends it: a gateway refuses what goes in circles. */
const HOPS_HEADER = 'x-skein-hops'

/** A failure's body is read up to here. */
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
  /** Longest wait for the first record of a stream; the engine may have to load the model. @default 300_000 */
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
}

export interface EngineHttp {
  readonly baseUrl: string
  /** One short JSON answer. Throws InferenceErrors, and the signal's reason once it fired. */
  get(path: string, options?: CallOptions): Promise<Json>
  post(path: string, body: object, options?: CallOptions): Promise<Json>
  /**
   * Resolves if anything answers, whatever it says; also if it is too busy to answer in time.
   *
   * @throws InferenceError `engine_failed` where no connection can be made
   */
  requireConnection(path: string, options?: CallOptions): Promise<void>
  /** The records of a streamed answer. Leaving the loop closes the connection, which is how engines learn to stop. */
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
      // It answered that it cannot now, or is too busy to.
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
    { signal, framing, hops }: StreamOptions,
  ): AsyncGenerator<string> {
    using attempt = new Attempt(signal)
    attempt.expectWithin(this.#firstRecordTimeoutMs)
    try {
      const response = await this.#open('POST', path, body, { signal: attempt.signal, hops })
      const splitter = (framing === 'events' ? eventSplitter : lineSplitter)(LIMITS.maxFrameBytes)
      const decoder = new TextDecoder()
      for await (const bytes of response.body ?? []) {
        for (const record of splitter.push(decoder.decode(bytes, { stream: true }))) {
          // A slow consumer is not a slow engine.
          attempt.pause()
          yield record
        }
        attempt.expectWithin(this.#gapTimeoutMs)
      }
      attempt.pause()
      yield* splitter.end()
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
      return parseJson(await readText(response, LIMITS.maxResponseBytes))
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
    // A redirect would carry requests, and perhaps the key, to a host that nobody configured.
    const init: RequestInit = {
      method,
      headers: { ...this.#headers, [HOPS_HEADER]: hops === undefined ? 'node' : String(hops) },
      signal,
      redirect: 'error',
      ...payload,
    }
    const response = await this.#fetch(this.baseUrl + path, init)
    if (response.ok) return response
    throw failureOf(response.status, await readText(response, MAX_FAILURE_BYTES), response.headers)
  }
}

/** Joins the caller's signal with the deadline of the moment, and closes the connection when it is disposed of. */
class Attempt {
  readonly signal: AbortSignal
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

  /** What went wrong: the caller's abort before our deadline before what `fetch` made of it. */
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
    this.#own.abort()
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const bytes of response.body ?? []) {
    size += bytes.length
    if (size > maxBytes) throw new InferenceError('engine_failed', 'the engine sent too much')
    text += decoder.decode(bytes, { stream: true })
  }
  return text + decoder.decode()
}
