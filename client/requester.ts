import type { Host } from '../host/index.ts'
import {
  type Advertisement,
  type AttemptRecord,
  type ChatChunk,
  type CompletionChunk,
  InferenceError,
  type InferenceKind,
  parseModelReference,
  parseRequest,
} from '../protocol/index.ts'
import {
  type Answer,
  assembleChat,
  assembleCompletion,
  assembleEmbeddings,
  type ChatCompletion,
  type Completion,
  chatChunks,
  chatIdentity,
  completionChunks,
  completionIdentity,
  createAnswer,
  type EmbeddingResponse,
  type Identity,
} from './answer/index.ts'
import type { Connect } from './attempt/index.ts'
import {
  DISCOVERY_LIMITS,
  type DiscoveryLimits,
  REQUEST_LIMITS,
  type RequestLimits,
  resolveLimits,
} from './defaults.ts'
import { createDirectory, type DirectoryHost, explainAbsence } from './directory/index.ts'
import { type DispatchContext, type DispatchEvent, dispatch, type Job } from './dispatch/index.ts'
import { listModels, listPeer, type ModelListing, type PeerListing } from './listings.ts'
import { createProber } from './probe/index.ts'
import { InFlight, LatencyModel, Suspects } from './route/index.ts'
import { openScope, type Scope } from './scope.ts'

/** What requests need of a host. */
export type RequesterHost = DirectoryHost &
  Pick<Host, 'bootstrapPeers'> & {
    readonly libp2p: Pick<Host['libp2p'], 'dialProtocol' | 'getPeers'>
  }

export interface RequesterInit extends Partial<RequestLimits>, Partial<DiscoveryLimits> {
  readonly now?: () => number
  readonly random?: () => number
}

interface AbortOptions {
  readonly signal?: AbortSignal
}

type Options = AbortOptions & Partial<RequestLimits>

/** The client's work, apart from owning a host. */
export interface Requester {
  chat(body: object, options?: Options): Promise<ChatCompletion>
  streamChat(body: object, options?: Options): Answer<ChatChunk>
  complete(body: object, options?: Options): Promise<Completion>
  streamCompletion(body: object, options?: Options): Answer<CompletionChunk>
  embed(body: object, options?: Options): Promise<EmbeddingResponse>
  models(options?: AbortOptions): Promise<readonly ModelListing[]>
  peers(options?: AbortOptions): Promise<readonly PeerListing[]>
  /** Requests that run. */
  readonly inFlight: number
  /** Cancels what runs, and waits for the background work to end. */
  close(): Promise<void>
}

/** @throws InferenceError `invalid_request` for limits that are none */
export function createRequester(host: RequesterHost, init: RequesterInit): Requester {
  const requestLimits = resolveLimits(REQUEST_LIMITS, init)
  const discoveryLimits = resolveLimits(DISCOVERY_LIMITS, init)
  const now = init.now ?? Date.now
  const random = init.random ?? Math.random
  const latency = new LatencyModel()
  const connect: Connect = (peerId, protocol, options) =>
    host.libp2p.dialProtocol(peerId, protocol, options)
  const context: DispatchContext = {
    host,
    connect,
    directory: createDirectory({ host, limits: discoveryLimits, now, random }),
    prober: createProber({
      connect,
      isConnected: (peerId) => host.libp2p.getPeers().some((peer) => peer.equals(peerId)),
      timeoutMs: discoveryLimits.probeTimeoutMs,
      onRtt: (peer, rttMs) => latency.observeRtt(peer, rttMs),
    }),
    latency,
    inFlight: new InFlight(),
    suspects: new Suspects(),
    random,
  }
  const scopes = new Set<Scope>()
  let closed = false

  /** A scope that `close` can end. */
  const enter = (timeoutMs: number, options: AbortOptions): Scope => {
    if (closed) throw new InferenceError('cancelled', 'the client is closed')
    const scope = openScope({ timeoutMs }, options)
    scopes.add(scope)
    return {
      ...scope,
      [Symbol.dispose]: () => {
        scopes.delete(scope)
        scope[Symbol.dispose]()
      },
    }
  }

  const prepare = (kind: Exclude<InferenceKind, 'score'>, body: object, options: Options) => {
    const limits = resolveLimits(requestLimits, options)
    const request = parseRequest(kind, body)
    const reference = parseModelReference(request.body.model)
    return { request, reference, limits }
  }

  /** The events of one request; `begun` receives its scope. */
  async function* run(
    kind: Exclude<InferenceKind, 'score'>,
    body: object,
    options: Options,
    rest: Pick<Job, 'commit' | 'attempts'>,
    begun: (scope: Scope) => void = () => {},
  ): AsyncGenerator<DispatchEvent, void, void> {
    options.signal?.throwIfAborted()
    const prepared = prepare(kind, body, options)
    using scope = enter(prepared.limits.timeoutMs, options)
    begun(scope)
    try {
      yield* dispatch(context, { ...prepared, ...rest }, scope)
    } catch (error) {
      if (options.signal?.aborted === true) throw options.signal.reason
      throw withAttempts(InferenceError.from(error), rest.attempts)
    }
  }

  const whole = (kind: Exclude<InferenceKind, 'score'>, body: object, options: Options) => {
    const attempts: AttemptRecord[] = []
    return { attempts, events: run(kind, body, options, { attempts, commit: 'end' }) }
  }

  const stream = <T>(
    kind: 'chat' | 'completion',
    body: object,
    options: Options,
    identity: Identity,
    normalize: (
      ...args: Parameters<typeof chatChunks>
    ) => AsyncGenerator<T & { readonly skein: { readonly peerId: string } }, void, void>,
  ): Answer<T> => {
    const attempts: AttemptRecord[] = []
    return createAnswer<T>({
      attempts,
      begin: (onUsage) => {
        let scope: Scope | undefined
        const events = run(kind, body, options, { attempts, commit: 'first-delta' }, (entered) => {
          scope = entered
        })
        return {
          chunks: normalize(events, identity, { includeUsage: wantsUsage(body), onUsage }),
          cancel: () => scope?.abort(new InferenceError('cancelled', 'the consumer left')),
        }
      },
    })
  }

  const everyone = async (options: AbortOptions): Promise<readonly Advertisement[]> => {
    using scope = enter(requestLimits.timeoutMs, options)
    const advertisements = await context.directory.enumerate(scope)
    if (advertisements.length > 0) return advertisements
    throw explainAbsence({
      query: { reference: { id: '' }, needs: { capabilities: [], fields: [] } },
      advertisements,
      connectedPeers: host.libp2p.getPeers().length,
      bootstrap: host.bootstrapPeers(),
    })
  }

  return {
    async chat(body, options = {}) {
      const { events, attempts } = whole('chat', body, options)
      return await assembleChat(events, chatIdentity(modelOf(body), now()), attempts)
    },
    async complete(body, options = {}) {
      const { events, attempts } = whole('completion', body, options)
      return await assembleCompletion(events, completionIdentity(modelOf(body), now()), attempts)
    },
    async embed(body, options = {}) {
      const { events, attempts } = whole('embedding', body, options)
      return await assembleEmbeddings(events, modelOf(body), attempts)
    },
    streamChat: (body, options = {}) =>
      stream('chat', body, options, chatIdentity(modelOf(body), now()), chatChunks),
    streamCompletion: (body, options = {}) =>
      stream(
        'completion',
        body,
        options,
        completionIdentity(modelOf(body), now()),
        completionChunks,
      ),
    async models(options = {}) {
      return listModels(await everyone(options))
    },
    async peers(options = {}) {
      const advertisements = await everyone(options)
      using scope = enter(requestLimits.timeoutMs, options)
      return await Promise.all(
        advertisements.map((known) => listPeer(known, context.prober, now(), scope)),
      )
    },
    get inFlight() {
      return context.inFlight.total
    },
    async close() {
      closed = true
      for (const scope of scopes)
        scope.abort(new InferenceError('cancelled', 'the client is closed'))
      await Promise.all([context.directory.close(), context.prober.close()])
    },
  }
}

/** The model as the caller named it. What is not text fails when the request is parsed. */
function modelOf(body: unknown): string {
  const model = fieldOf(body, 'model')
  return typeof model === 'string' ? model : ''
}

/** Whether the caller asks for a stream. What is no request at all does not, and is refused when it is parsed. */
export function wantsStream(body: unknown): boolean {
  return fieldOf(body, 'stream') === true
}

function wantsUsage(body: unknown): boolean {
  return fieldOf(fieldOf(body, 'stream_options'), 'include_usage') === true
}

/** For values that plain JavaScript may pass: anything. */
function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as Readonly<Record<string, unknown>>)[field]
}

function withAttempts(error: InferenceError, attempts: readonly AttemptRecord[]): InferenceError {
  if (attempts.length === 0) return error
  return new InferenceError(error.code, error.message, {
    cause: error,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    details: { ...error.details, attempts: [...attempts] },
  })
}
