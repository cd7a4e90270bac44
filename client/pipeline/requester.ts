import { randomBytes } from 'node:crypto'
import type { Backend } from '../../backend/index.ts'
import type { Host } from '../../host/index.ts'
import type { Ledger } from '../../ledger/index.ts'
import {
  type Advertisement,
  type ChatChunk,
  type CompletionChunk,
  InferenceError,
  type InferenceKind,
  normalizeModelId,
} from '../../protocol/index.ts'
import { type Clock, openScope, type Scope, systemClock } from '../../timing/index.ts'
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
  type ServedBy,
  type ServedChunk,
} from '../answer/index.ts'
import { type Connect, createPeerAttempt } from '../attempt/index.ts'
import { createFallback, type OwnNames, type ProviderInit } from '../chain/index.ts'
import { type DispatchContext, ResumeReserve, RetryBudget } from '../dispatch/index.ts'
import {
  type ConnectionEvents,
  createDirectory,
  createProber,
  createRouter,
  type DirectoryHost,
  explainAbsence,
  listModels,
  listPeer,
  type ModelListing,
  type PeerListing,
  watchConnections,
} from '../peers/index.ts'
import {
  DISCOVERY_LIMITS,
  type DiscoveryLimits,
  type DispatchEvent,
  Journal,
  modelOf,
  type Policy,
  parsePolicy,
  parseResumeMode,
  REQUEST_LIMITS,
  type RequestEvent,
  type RequestLimits,
  type ResumeMode,
  resolveLimits,
  type Verification,
  type VerifyMode,
  waitsForVerdict,
  wantsUsage,
} from '../request/index.ts'
import { type CanaryMode, createChecks, type Reputation } from '../trust/index.ts'
import { checkedAnswer } from './checked.ts'
import type { ClientStats } from './client-stats.ts'
import { FailureMemory } from './failure-memory.ts'
import {
  begin,
  type Call,
  type CallOptions,
  DEFAULT_POLICY,
  DEFAULT_RESUME,
  eventOf,
  newCall,
  tell,
  withAttempts,
} from './prepare.ts'
import { requestKey } from './request-key.ts'

/** What requests need of a host. */
export type RequesterHost = DirectoryHost &
  Pick<Host, 'bootstrapPeers'> & {
    readonly libp2p: ConnectionEvents & Pick<Host['libp2p'], 'dialProtocol' | 'getPeers'>
  }

export interface RequesterInit extends Partial<RequestLimits>, Partial<DiscoveryLimits> {
  readonly now?: () => number
  /** @default the machine's, its wall time being `now` */
  readonly clock?: Clock
  readonly random?: () => number
  /** @default hedge */
  readonly policy?: Policy | undefined
  /** @default same-model */
  readonly resume?: ResumeMode | undefined
  readonly onEvent?: ((event: RequestEvent) => void) | undefined
  /** @default sample */
  readonly verify?: VerifyMode | undefined
  /** An engine of the caller's own that rates answers. It stays the caller's to end. @default none */
  readonly scorer?: Backend | undefined
  /** What is known of peers by audits. @default nothing yet */
  readonly reputation?: Reputation
  /** @default off */
  readonly canaries?: CanaryMode | undefined
  /** Where others' word comes from. @default nobody's counts */
  readonly ledger?: Ledger | undefined
  /** Whether good peers get receipts, which others may see. @default false */
  readonly receipts?: boolean | undefined
  readonly aliases?: Readonly<Record<string, string>> | undefined
  readonly providers?: readonly ProviderInit[] | undefined
  /** What retries, hedges and resumes may take. @default a budget and a reserve of this client's own */
  readonly budgets?: Pick<DispatchContext, 'budget' | 'reserve'>
  /** Whether conversations stay with their peer, whose engine has their prompt warm. @default true */
  readonly affinity?: boolean
}

interface AbortOptions {
  readonly signal?: AbortSignal
}

type Options = CallOptions

/** The client's work, apart from owning a host. */
export interface Requester {
  chat(body: object, options?: Options): Promise<ChatCompletion>
  streamChat(body: object, options?: Options): Answer<ChatChunk>
  complete(body: object, options?: Options): Promise<Completion>
  streamCompletion(body: object, options?: Options): Answer<CompletionChunk>
  embed(body: object, options?: Options): Promise<EmbeddingResponse>
  models(options?: AbortOptions): Promise<readonly ModelListing[]>
  peers(options?: AbortOptions): Promise<readonly PeerListing[]>
  /**
   * Requests at a time that the peers known to serve this model take, by their own word; 0 while none is known.
   *
   * @param trusted only those of them. @default all
   */
  slots(model: string, trusted?: readonly string[]): number
  /** Whether more than one model may answer this: it names several, or `auto`. What names none at all does not. */
  isChain(body: object): boolean
  /** What requests may name beside the models of the network. */
  readonly names: OwnNames
  /** Told of every request that ends from now on. @returns the undoing */
  observe(listener: (event: RequestEvent) => void): () => void
  stats(): ClientStats
  /** Requests that run. */
  readonly inFlight: number
  /** Cancels what runs, and waits for the background work to end. */
  close(): Promise<void>
}

/** @throws InferenceError `invalid_request` for limits that are none */
export function createRequester(host: RequesterHost, init: RequesterInit): Requester {
  const requestLimits = resolveLimits(REQUEST_LIMITS, init)
  const discoveryLimits = resolveLimits(DISCOVERY_LIMITS, init)
  const clock = init.clock ?? { ...systemClock, wall: init.now ?? systemClock.wall }
  const now = (): number => clock.wall()
  const random = init.random ?? Math.random
  const connect: Connect = (peerId, protocol, options) =>
    host.libp2p.dialProtocol(peerId, protocol, options)
  const attempt = createPeerAttempt({ connect, clock })
  const directory = createDirectory({ host, limits: discoveryLimits, clock, random })
  const checks = createChecks({
    ...{ ...init, attempt, directory, limits: requestLimits, now, clock, random },
  })
  const { trust, auditor, canaries, onAnswered } = checks
  const router = createRouter({
    trust,
    clock,
    random,
    salt: randomBytes(16),
  })
  const prober = createProber({
    connect,
    isConnected: (peerId) => host.libp2p.getPeers().some((peer) => peer.equals(peerId)),
    timeoutMs: discoveryLimits.probeTimeoutMs,
    clock,
    pool: router.pool,
    onRtt: (peer, rttMs) => router.observeRtt(peer, rttMs),
  })
  const context: DispatchContext = {
    clock,
    host,
    attempt,
    directory,
    prober,
    router,
    affinity: init.affinity ?? true,
    admits: trust.admits,
    budget: init.budgets?.budget ?? new RetryBudget(),
    reserve: init.budgets?.reserve ?? new ResumeReserve({ clock }),
    ...(onAnswered !== undefined && { onAnswered }),
    random,
  }
  const closing = new AbortController()
  const { aliases, providers } = init
  const fallback = createFallback({ aliases, providers, context, wallNow: now })
  const unwatch = watchConnections(host.libp2p, (peer, isConnected) =>
    router.connected(peer, isConnected),
  )
  const failures = new FailureMemory()
  // A default that is none fails now, not with the first request.
  parsePolicy(init.policy ?? DEFAULT_POLICY)
  parseResumeMode(init.resume ?? DEFAULT_RESUME)
  const scopes = new Set<Scope>()
  const listeners = new Set(init.onEvent === undefined ? [] : [init.onEvent])
  let closed = false

  /** A scope that `close` can end. */
  const enter = (timeoutMs: number, options: AbortOptions): Scope => {
    if (closed) throw new InferenceError('cancelled', 'the client is closed')
    const scope = openScope({ timeoutMs, clock }, options)
    scopes.add(scope)
    return {
      ...scope,
      [Symbol.dispose]: () => {
        scopes.delete(scope)
        scope[Symbol.dispose]()
      },
    }
  }

  /** The events of one request. */
  async function* run(call: Call): AsyncGenerator<DispatchEvent, void, void> {
    const { kind, body, options, attempts } = call
    options.signal?.throwIfAborted()
    const begun = begin(kind, body, options, { ...init, fallback, limits: requestLimits })
    using scope = enter(begun.limits.timeoutMs, options)
    call.onScope?.(scope)
    const { asked, policy, resume, request } = begun
    // Long bodies take a while to hash, and most clients have no failure to remember.
    let hashed: string | undefined
    const key = (): string => {
      const { verify, limits, trusted } = begun
      const { maxAttempts } = limits
      const peers = [...(trusted ?? ['*'])].toSorted((a, b) => a.localeCompare(b))
      // Whatever changes who may answer, and what counts as an answer.
      const how = { asked, policy, resume, verify, maxAttempts, peers }
      hashed ??= requestKey(kind, { ...how, body: request.body })
      return hashed
    }
    // Whom a part of larger work may go to changes with each part.
    const isNarrowed = options.placement?.narrow !== undefined
    const hasMemory = (): boolean => failures.size > 0 && !isNarrowed
    const journal = new Journal(begun.estimatedPromptTokens, attempts, clock)
    const { restartable } = call
    const ended = (outcome: RequestEvent['outcome'], more: Partial<RequestEvent> = {}): void => {
      const answered = outcome === 'answered' || journal.ttftMs !== undefined
      const { answeredBy } = call
      const event = eventOf(begun, journal, {
        outcome,
        startedAt: now() - journal.elapsedMs,
        ...(answered && answeredBy !== undefined && { answeredBy }),
        ...more,
      })
      call.onEvent(event)
      options.placement?.onEnd?.(event)
      for (const listener of listeners) tell(listener, event)
    }
    try {
      const remembered = hasMemory() ? failures.recall(key(), clock.now()) : undefined
      if (remembered !== undefined) {
        ended(remembered.code, { remembered: true, message: remembered.message })
        throw remembered
      }
      const job = { ...begun, journal, restartable }
      const onAnswering = (model: string): void => {
        call.answeredBy = model
        options.placement?.onModel?.(model)
      }
      let verification: Verification | undefined
      const answer = checkedAnswer(
        {
          ...{ auditor, job, mode: begun.verify, signal: scope.signal, afterwards: closing.signal },
          remainingMs: () => scope.remainingMs(),
          ask: (asked) => fallback.run({ ...begun, ...asked }, scope, onAnswering),
        },
        (found) => {
          verification = found
        },
      )
      for await (const event of answer) {
        if (event.type === 'done') {
          if (hasMemory()) failures.succeeded(key())
          ended('answered', verification && { verification })
          const { candidate } = event.told ?? {}
          if (candidate && begun.verify !== 'off' && begun.trusted === undefined) {
            const { completionTokens } = event.usage
            void canaries.answered(candidate, request, completionTokens, closing.signal)
          }
        }
        yield event
      }
    } catch (error) {
      const failure = InferenceError.from(error, scope.signal.aborted ? 'cancelled' : 'internal')
      if (!call.ended) {
        // What asked nobody took nothing, and there may be somebody the next time.
        if (attempts.length > 0 && !isNarrowed) failures.failed(key(), failure, clock.now())
        const evidence = failure.detailsOf('verification_failed').verification
        const { message } = failure
        ended(failure.code, { message, ...(evidence && { verification: evidence }) })
      }
      if (options.signal?.aborted === true) throw options.signal.reason
      throw withAttempts(failure, journal.attempts)
    } finally {
      // The consumer left.
      if (!call.ended) ended('cancelled')
    }
  }

  const stream = <T>(
    kind: 'chat' | 'completion',
    body: object,
    options: Options,
    identity: Identity,
    normalize: (
      ...args: Parameters<typeof chatChunks>
    ) => AsyncGenerator<T & ServedChunk, void, void>,
  ): Answer<T> => {
    const call = newCall(kind, body, options, false)
    return createAnswer<T>({
      attempts: call.attempts,
      event: () => call.ended,
      begin: (onUsage) => {
        let scope: Scope | undefined
        call.onScope = (entered) => {
          scope = entered
        }
        return {
          chunks: normalize(run(call), () => named(identity, call), {
            includeUsage: wantsUsage(body),
            onUsage,
            ...(waitsForVerdict(options.verify ?? init.verify) && {
              verification: () => call.ended?.verification,
            }),
          }),
          cancel: () => scope?.abort(new InferenceError('cancelled', 'the consumer left')),
        }
      },
    })
  }

  /** Runs a request whose answer is put together before the caller gets it. */
  const whole = async <T>(
    kind: Exclude<InferenceKind, 'score'>,
    body: object,
    options: Options,
    assemble: (events: AsyncIterable<DispatchEvent>, call: Call) => Promise<T>,
  ): Promise<T & ServedBy> => {
    const call = newCall(kind, body, options, true)
    let peerId = ''
    const answer = await assemble(
      tap(run(call), (event) => {
        if (event.type === 'done') peerId = event.peerId
      }),
      call,
    )
    const { ended } = call
    if (ended === undefined) throw new Error('unreachable: a request ends with its event')
    return { ...answer, skein: servedBy(ended, peerId) }
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
    chat: (body, options = {}) =>
      whole('chat', body, options, (events, call) => {
        const identity = chatIdentity(modelOf(body), now())
        return assembleChat(events, () => named(identity, call))
      }),
    complete: (body, options = {}) =>
      whole('completion', body, options, (events, call) => {
        const identity = completionIdentity(modelOf(body), now())
        return assembleCompletion(events, () => named(identity, call))
      }),
    embed: (body, options = {}) =>
      whole('embedding', body, options, (events, call) =>
        assembleEmbeddings(events, () => call.answeredBy ?? modelOf(body)),
      ),
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
    observe(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    stats() {
      const peers = context.directory.known().map(({ peerId }) => peerId)
      const connected = new Set(host.libp2p.getPeers().map(String))
      return {
        inFlight: router.inFlight,
        retryBudget: context.budget.balance,
        resumeReserve: context.reserve.balance,
        audits: { ...auditor.spent, canaries: canaries.sent },
        peers: {
          known: peers.length,
          connected: peers.filter((peer) => connected.has(peer.toString())).length,
          ejected: peers.filter((peer) => router.isEjected(peer.toString())).length,
        },
      }
    },
    isChain(body) {
      const members = fallback.chainOf(body)?.members ?? []
      return members.length > 1 || members.some(({ type }) => type === 'auto')
    },
    slots: (model, trusted) => slotsOf(context.directory.known(), model, trusted),
    names: fallback.names,
    get inFlight() {
      return router.inFlight
    },
    async close() {
      closed = true
      closing.abort(new InferenceError('cancelled', 'the client is closed'))
      for (const scope of scopes)
        scope.abort(new InferenceError('cancelled', 'the client is closed'))
      unwatch()
      router.close()
      await Promise.all([directory.close(), prober.close(), fallback.close()])
    },
  }
}

/** How a whole answer came about. */
export function servedBy(event: RequestEvent, peerId: string): ServedBy['skein'] {
  const { policy, attempts, resumes, exact, cost, agreement, verification } = event
  return {
    ...{ peerId, policy, attempts, resumes, exact, cost },
    ...(agreement !== undefined && { agreement }),
    ...(verification !== undefined && { verification }),
  }
}

function slotsOf(
  known: readonly Advertisement[],
  model: string,
  trusted: readonly string[] | undefined,
): number {
  const id = normalizeModelId(model.split('@sha256:')[0] ?? '')
  const serving = known.filter(
    ({ models, peerId }) =>
      models.some((served) => served.id === id || served.aliases.includes(id)) &&
      (trusted?.includes(peerId.toString()) ?? true),
  )
  return serving.reduce((sum, { slots }) => sum + slots, 0)
}

async function* tap<T>(items: AsyncIterable<T>, see: (item: T) => void): AsyncGenerator<T> {
  for await (const item of items) {
    see(item)
    yield item
  }
}

/** The model that answers takes the place of what the caller named. */
function named(identity: Identity, { answeredBy }: Call): Identity {
  return answeredBy === undefined ? identity : { ...identity, model: answeredBy }
}
