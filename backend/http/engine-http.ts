import { InferenceError, LIMITS } from '../../protocol/index.ts'
import { MAX_TIMER_MS } from '../../timing/index.ts'
import { EngineCall } from './engine-call.ts'
import { EnginePulse } from './engine-pulse.ts'
import { failureIn, failureOf } from './failure.ts'
import { type Framing, type Splitter, splitterFor } from './framing.ts'
import { type Json, parseJson } from './json.ts'
import { type EngineResponse, type Fetch, nodeFetch } from './node-fetch.ts'
import { readRest } from './read-rest.ts'
import { foundNoListener, metStaleConnection } from './stale-connection.ts'

/** Number of Skein gateways that a request passed, or `node`: a gateway refuses loops. */
const HOPS_HEADER = 'x-skein-hops'

/** Bytes read of an error body. */
const MAX_FAILURE_BYTES = 65_536
/** Bytes read of the answer to a question that only asks for a sign of life; with a longer one its connection ends. */
const MAX_ALIVE_BYTES = 16_384
/** Wait for the first record of an engine that is not known to be alive. */
const FIRST_RECORD_MS = 300_000
/** Gap after which such an engine is given up. */
const GAP_MS = 60_000
/** The same where it may keep a long tool call back until it is whole. */
const HELD_GAP_MS = 300_000

export interface EngineHttpInit {
  /** Without a slash at the end. */
  readonly baseUrl: string
  /** Sent as a bearer token, never shown. */
  readonly apiKey?: string | undefined
  /** Sent with every call, never shown. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** @default Node's HTTP with its global agents */
  readonly fetch?: Fetch | undefined
  /** Longest wait for a short answer: model lists, health. @default 5000 */
  readonly callTimeoutMs?: number | undefined
  /** Longest wait for the first record of a stream; the engine may have to load the model. Restarts with each sign of life, such as an answer to a question that the engine answers at once. @default 300_000 */
  readonly firstRecordTimeoutMs?: number | undefined
  /** Longest gap between two pieces of a stream. Restarts with each sign of life. @default 60_000, or 300_000 where tools are offered */
  readonly gapTimeoutMs?: number | undefined
}

/** Who uses the engine. */
interface EngineOwner {
  /** Ends all calls. @default none does */
  readonly signal?: AbortSignal
  /** Called when nothing listens at the engine's address: its process has ended. @default does nothing */
  readonly onDown?: () => void
}

interface Sent {
  readonly signal?: AbortSignal | undefined
  /** Skein gateways that the request came through. @default a node's own call */
  readonly hops?: number | undefined
  /** Part of a request, whose deadline the signal has: while the engine is known to be alive, no other wait ends. @default false */
  readonly isRequest?: boolean | undefined
}

interface CallOptions extends Sent {
  /** For what the engine works on. @default as for the first record of a stream if part of a request, else `callTimeoutMs` */
  readonly timeoutMs?: number
}

interface StreamOptions extends Sent {
  readonly framing: Framing
  /** Whether a record only reports progress: the wait for the first record of the answer goes on. @default none does */
  readonly isReport?: (record: string) => boolean
  /** Whether the engine may send nothing until a long part is whole, such as a tool call. @default false */
  readonly mayHold?: boolean | undefined
}

/** How an engine answers a short question. `none`: a connection can be made, and nothing comes back in time. */
export type EngineReply = 'accepts' | 'refuses' | 'none'

export interface EngineHttp {
  readonly baseUrl: string
  /** One short JSON answer. Throws InferenceErrors, and the signal's reason once it fired. */
  get(path: string, options?: CallOptions): Promise<Json>
  post(path: string, body: object, options?: CallOptions): Promise<Json>
  /** Its answer may be empty. */
  delete(path: string, body: object, options?: CallOptions): Promise<void>
  /** @throws InferenceError `engine_failed` if no connection can be made */
  requireConnection(path: string, options?: CallOptions): Promise<EngineReply>
  /**
   * From now on requests fail with `loading`, within 30 seconds, if the engine neither sends anything nor answers this
   * path; while it answers, they wait up to their deadline. For engines that answer it at once, whatever they work on.
   */
  watchBy(path: string): void
  /**
   * The records of a streamed answer, those that came together as one list, without the `[DONE]` that ends one of
   * server-sent events. Leaving the loop closes the connection, which stops the engine.
   */
  stream(path: string, body: object, options: StreamOptions): AsyncGenerator<readonly string[]>
}

export function createEngineHttp(init: EngineHttpInit, owner: EngineOwner = {}): EngineHttp {
  return new HttpConnection(init, owner)
}

/** Ends the events of an answer, by OpenAI's convention. */
const LAST_EVENT = '[DONE]'

function isLastEvent(record: string): boolean {
  return record.trim() === LAST_EVENT
}

class HttpConnection implements EngineHttp {
  readonly baseUrl: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #fetch: Fetch
  readonly #callTimeoutMs: number
  readonly #firstRecordTimeoutMs: number
  readonly #gapTimeoutMs: number
  readonly #heldGapTimeoutMs: number
  readonly #owner: EngineOwner
  /** Whether a connection may have been kept. */
  #answered: boolean = false
  #watched: { readonly path: string; readonly pulse: EnginePulse } | undefined

  constructor(init: EngineHttpInit, owner: EngineOwner) {
    this.baseUrl = init.baseUrl.replace(/\/+$/, '')
    const key = init.apiKey === undefined ? {} : { authorization: `Bearer ${init.apiKey}` }
    this.#headers = { ...init.headers, 'content-type': 'application/json', ...key }
    this.#fetch = init.fetch ?? nodeFetch
    this.#callTimeoutMs = init.callTimeoutMs ?? 5000
    this.#firstRecordTimeoutMs = init.firstRecordTimeoutMs ?? FIRST_RECORD_MS
    this.#gapTimeoutMs = init.gapTimeoutMs ?? GAP_MS
    this.#heldGapTimeoutMs = init.gapTimeoutMs ?? HELD_GAP_MS
    this.#owner = owner
  }

  async get(path: string, options: CallOptions = {}): Promise<Json> {
    return await this.#call('GET', path, undefined, options, parseJson)
  }

  async post(path: string, body: object, options: CallOptions = {}): Promise<Json> {
    return await this.#call('POST', path, body, options, answerIn)
  }

  async delete(path: string, body: object, options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', path, body, options, () => undefined)
  }

  watchBy(path: string): void {
    if (this.#watched?.path === path) return
    const ask = ({ signal }: { readonly signal: AbortSignal }): Promise<EngineReply> =>
      this.requireConnection(path, { signal, timeoutMs: MAX_TIMER_MS })
    this.#watched = { path, pulse: new EnginePulse({ ask }) }
  }

  async requireConnection(path: string, options: CallOptions = {}): Promise<EngineReply> {
    using call = this.#begin(options.signal)
    call.expectWithin(options.timeoutMs ?? this.#callTimeoutMs)
    try {
      const response = await this.#open('GET', path, undefined, { ...options, signal: call.signal })
      call.isOver = true
      if (response.body !== null) void readRest(response.body.getReader(), MAX_ALIVE_BYTES)
      return 'accepts'
    } catch (error) {
      options.signal?.throwIfAborted()
      if (call.signal.aborted) return 'none'
      if (error instanceof InferenceError) return 'refuses'
      throw call.explain(error)
    }
  }

  async *stream(
    path: string,
    body: object,
    { signal, framing, hops, isRequest, isReport, mayHold }: StreamOptions,
  ): AsyncGenerator<readonly string[]> {
    using call = this.#begin(signal)
    using _watch = this.#watch(call, isRequest)
    const gapMs = mayHold === true ? this.#heldGapTimeoutMs : this.#gapTimeoutMs
    call.expectWithin(this.#firstRecordTimeoutMs)
    try {
      const response = await this.#open('POST', path, body, { signal: call.signal, hops })
      const decoder = new TextDecoder()
      let splitter: Splitter | undefined
      let begun = false
      const reader = response.body?.getReader()
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
        this.#watched?.pulse.heard()
        const text = decoder.decode(part.value, { stream: true })
        splitter ??= splitterFor(framing, text)
        const records = splitter?.push(text) ?? []
        const last = framing === 'events' ? records.findIndex(isLastEvent) : -1
        const sent = last === -1 ? records : records.slice(0, last)
        // A slow consumer is not a slow engine.
        call.pause()
        if (sent.length > 0) {
          begun ||= isReport === undefined || !sent.every(isReport)
          yield sent
        }
        if (last !== -1) {
          call.isOver = true
          if (reader !== undefined) void readRest(reader)
          return
        }
        call.expectWithin(begun ? gapMs : this.#firstRecordTimeoutMs)
      }
      call.pause()
      call.isOver = true
      const rest = splitter?.end() ?? []
      const sent = framing === 'events' ? rest.filter((record) => !isLastEvent(record)) : rest
      if (sent.length > 0) yield sent
    } catch (error) {
      throw call.explain(error)
    }
  }

  #begin(caller: AbortSignal | undefined): EngineCall {
    return new EngineCall({ caller, owner: this.#owner.signal })
  }

  #watch(call: EngineCall, isRequest = false): Disposable | undefined {
    return this.#watched?.pulse.watch({
      ...(isRequest && { onAlive: () => call.extend() }),
      onHung: (failure) => call.fail(failure),
    })
  }

  async #call<T>(
    method: string,
    path: string,
    body: object | undefined,
    options: CallOptions,
    read: (text: string) => T,
  ): Promise<T> {
    const { signal, isRequest } = options
    using call = this.#begin(signal)
    const workMs =
      options.timeoutMs ?? (isRequest === true ? this.#firstRecordTimeoutMs : undefined)
    using _watch = workMs === undefined ? undefined : this.#watch(call, isRequest)
    call.expectWithin(workMs ?? this.#callTimeoutMs)
    try {
      const response = await this.#open(method, path, body, { ...options, signal: call.signal })
      const text = await readText(response, LIMITS.maxResponseBytes)
      call.isOver = true
      return read(text)
    } catch (error) {
      throw call.explain(error)
    }
  }

  async #open(
    method: string,
    path: string,
    body: object | undefined,
    { signal, hops }: Sent & { readonly signal: AbortSignal },
  ): Promise<EngineResponse> {
    const init: RequestInit = {
      method,
      signal,
      // A redirect would send requests, and perhaps the key, to a host that is not configured.
      redirect: 'error',
      headers: { ...this.#headers, [HOPS_HEADER]: hops === undefined ? 'node' : String(hops) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }
    const response = await this.#send(this.baseUrl + path, init)
    if (response.ok) return response
    throw failureOf(response.status, await readText(response, MAX_FAILURE_BYTES), response.headers)
  }

  /** Retries once on a connection that was closed while idle. */
  async #send(url: string, init: RequestInit): Promise<EngineResponse> {
    const startedAt = performance.now()
    try {
      const response = await this.#try(url, init)
      this.#answered = true
      return response
    } catch (error) {
      const tookMs = performance.now() - startedAt
      if (init.signal?.aborted || !metStaleConnection(error, this.#answered, tookMs)) throw error
      return await this.#try(url, init)
    }
  }

  async #try(url: string, init: RequestInit): Promise<EngineResponse> {
    try {
      return await this.#fetch(url, init)
    } catch (error) {
      if (foundNoListener(error)) this.#owner.onDown?.()
      throw error
    }
  }
}

/** @throws InferenceError for an error that some servers and proxies send with status 200 */
function answerIn(text: string): Json {
  const answer = parseJson(text)
  const failure = failureIn(answer, text)
  if (failure !== undefined) throw failure
  return answer
}

async function readText({ body }: EngineResponse, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  const reader = body?.getReader()
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    size += part.value.length
    if (size > maxBytes)
      throw new InferenceError('engine_failed', 'the engine sent more than allowed')
    text += decoder.decode(part.value, { stream: true })
  }
  return text + decoder.decode()
}
