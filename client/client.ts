import type { Backend } from '../backend/index.ts'
import { createHost, type Host, type HostInit } from '../host/index.ts'
import { Ledger } from '../ledger/index.ts'
import type {
  ChatChunk,
  ChatRequest,
  CompletionChunk,
  EmbeddingRequest,
  PromptListRequest,
} from '../protocol/index.ts'
import type { Answer, ChatCompletion, Completion, EmbeddingResponse } from './answer/index.ts'
import type { ChainField, OwnNames, ProviderInit } from './chain/index.ts'
import type { ModelListing, PeerListing } from './peers/index.ts'
import { type ClientStats, createRequester } from './pipeline/index.ts'
import {
  type DiscoveryLimits,
  type Policy,
  REQUEST_LIMITS,
  type RequestEvent,
  type RequestLimits,
  type ResumeMode,
  resolveLimits,
  type SwitchModels,
  trustedPeers,
  type VerifyMode,
  wantsStream,
} from './request/index.ts'
import {
  type BatchOptions,
  type BatchRequest,
  type BatchResult,
  runBatch,
  splitRequests,
} from './split/index.ts'
import {
  type CanaryMode,
  openReputation,
  Reputation,
  type SavedReputation,
  type StandingReport,
} from './trust/index.ts'
/** How the client reaches the swarm, and its limits. Each has a default; see {@link RequestLimits}, {@link DiscoveryLimits}. */
export interface ClientInit
  extends Omit<HostInit, 'dht'>,
    Partial<RequestLimits>,
    Partial<DiscoveryLimits> {
  /** From 0, below 1: for choices and jitter. @default Math.random */
  readonly random?: () => number
  /** For requests that do not say. @default hedge */
  readonly policy?: Policy
  /** For requests that do not say. @default same-model */
  readonly resume?: ResumeMode
  /** Names of the caller's own for models, each for an id, or a chain of them apart by commas. @default none */
  readonly aliases?: Readonly<Record<string, string>>
  /** Clouds and engines of the caller's own. Their keys go to them alone. @default none */
  readonly providers?: readonly ProviderInit[]
  /** For requests that do not say. @default sample */
  readonly verify?: VerifyMode
  /** An engine of the caller's own that rates answers, asked before any peer. It stays the caller's to end. @default none */
  readonly scorer?: Backend
  /**
   * Requests of the client's own to peers that it does not know yet, rated like others: 2 % of the tokens answered at
   * most. `own-traffic` repeats requests of the caller's, which shows them to those peers. @default generated
   */
  readonly canaries?: CanaryMode
  /**
   * Give receipts to peers whose answers passed audits. Each says, for all to see, that this client asked that peer,
   * when, and how many tokens it took: it lets the peer's owner be served before strangers, and friends know it for a
   * good one. @default false: nobody learns whom this client asks
   */
  readonly receipts?: boolean
  /** Peer ids whose receipts count: whom they were served by is no stranger. @default none */
  readonly friends?: readonly string[]
  /** Told of every request once it has ended. What it throws is dropped. */
  readonly onEvent?: (event: RequestEvent) => void
}

/** What every call takes: a signal whose firing ends the call with the reason of the signal. */
export interface AbortOptions {
  readonly signal?: AbortSignal
}

/** For one request. Limits override the client's. */
export interface RequestOptions extends AbortOptions, Partial<RequestLimits> {
  /** @default the client's */
  readonly policy?: Policy
  /** @default the client's */
  readonly resume?: ResumeMode
  /** How far a chain of models may go on to the next one. @default before-answer */
  readonly switchModels?: SwitchModels
  /** @default the client's */
  readonly verify?: VerifyMode
  /**
   * Ids of the peers that may see the request. Nobody else is asked, be it to hedge, to go on or to rate the answer.
   *
   * @default everyone
   */
  readonly trusted?: readonly string[]
  /** For gateways: those that the request came through. The caller's providers are told. @default 0 */
  readonly hops?: number
}

interface Streamed extends ChainField {
  readonly stream: true
  /** `include_usage`: the last chunk carries the usage and no choice. */
  readonly stream_options?: { readonly include_usage?: boolean } | null
}

interface Whole extends ChainField {
  readonly stream?: false | null
}

/**
 * Asks the peers of a swarm, and the caller's own providers. A request's `model` is an id, an alias, `provider/model`,
 * `auto` (whatever is there and can take the request), or a chain of them apart by commas; `models` goes on with it.
 *
 * Every rejection is an InferenceError, except that an aborted call rejects with its signal's reason. Once peers were asked, `error.details.attempts` says whom and what came of it.
 */
export interface Client extends AsyncDisposable {
  readonly host: Host
  /** What requests may name beside the models of the network. */
  readonly names: OwnNames
  /** A streamed chat answer. Errors come from the iterator. */
  chat(request: ChatRequest & Streamed, options?: RequestOptions): Answer<ChatChunk>
  /** A whole chat answer. Until its end another peer may take over unseen. `n` choices are asked for apart, over all peers. */
  chat(request: ChatRequest & Whole, options?: RequestOptions): Promise<ChatCompletion>
  /** A streamed text completion. Errors come from the iterator. */
  complete(request: PromptListRequest & Streamed, options?: RequestOptions): Answer<CompletionChunk>
  /** A whole text completion. Until its end another peer may take over unseen. Prompts of a list are asked apart, over all peers. */
  complete(request: PromptListRequest & Whole, options?: RequestOptions): Promise<Completion>
  /**
   * One embedding for each input, as numbers, in the order of the inputs. Many inputs are shared among peers with the
   * same weights; {@link PartialFailure} keeps what arrived.
   */
  embed(
    request: EmbeddingRequest & ChainField,
    options?: RequestOptions,
  ): Promise<EmbeddingResponse>
  /**
   * Many requests, spread over all peers, each with one result. Requests are taken from the list as there is room for
   * them; those that fail come again, and those that find no room wait, until the deadline of the batch. Leaving early
   * cancels what runs.
   *
   * @throws what the list throws; `deadline_exceeded` where requests are left in it; the signal's reason
   */
  batch(
    requests: Iterable<BatchRequest> | AsyncIterable<BatchRequest>,
    options?: BatchOptions,
  ): AsyncGenerator<BatchResult, void, void>
  /** Every model that can be found, with who serves it. @throws InferenceError `no_peers` with the reason */
  models(options?: AbortOptions): Promise<readonly ModelListing[]>
  /**
   * Of these optional fields of requests, those that the engine behind a peer's model does not take. All of them for a peer
   * that is not known, none for the caller's own providers, which get them.
   */
  unusedFields(peerId: string, model: string, fields: readonly string[]): readonly string[]
  /** Every peer that serves a model, probed. @throws InferenceError `no_peers` with the reason */
  peers(options?: AbortOptions): Promise<readonly PeerListing[]>
  /** Has the listener told of every request that ends from now on. What it throws is dropped. @returns the undoing */
  observe(listener: (event: RequestEvent) => void): () => void
  /** What is known of a peer by audits, or of all. */
  reputation(peer?: string): readonly StandingReport[]
  /** Forgets what is known of a peer: it is a newcomer again. @returns how many standings that were */
  forget(peer: string): number
  /** What it is doing now, and what it may still spend. */
  stats(): ClientStats
  /** Cancels what runs and stops the host. */
  close(): Promise<void>
}

/**
 * Joins the swarm as a client of its DHT. Resolves at once: peers are found when they are needed.
 *
 * @throws InferenceError `invalid_request` for limits that are none, and what creating a host throws
 */
export async function createClient(init: ClientInit = {}): Promise<Client> {
  const { providers: _, scorer: __, receipts = false, friends, ...own } = init
  const trusted = trustedPeers(friends?.length ? friends : undefined, 'friends') ?? new Set()
  const host = await createHost({ ...own, dht: 'client' })
  const saved = await openReputation(init.dataDir, Date.now)
  const ledger =
    receipts || trusted.size > 0
      ? new Ledger({
          ...{ host, friends: [...trusted] },
          dataDir: init.dataDir,
          peers: () => host.book.all().map(({ peerId }) => peerId),
        })
      : undefined
  try {
    await ledger?.start()
    const { canaries = 'generated' } = init
    return createClientOver(host, { ...init, canaries, saved, ledger })
  } catch (error) {
    await ledger?.[Symbol.asyncDispose]()
    await saved[Symbol.asyncDispose]()
    await host[Symbol.asyncDispose]()
    throw error
  }
}

/** A client over a host that exists already. Closing the client closes the host. */
export function createClientOver(
  host: Host,
  init: Omit<ClientInit, keyof HostInit> &
    Pick<ClientInit, 'now'> & {
      readonly saved?: SavedReputation
      readonly ledger?: Ledger | undefined
    },
): Client {
  const { saved, ledger } = init
  const reputation = saved?.reputation ?? new Reputation(init.now ?? Date.now)
  const requester = createRequester(host, { ...init, reputation })
  const context = {
    timeoutMs: resolveLimits(REQUEST_LIMITS, init).timeoutMs,
    random: init.random ?? Math.random,
    now: init.now ?? Date.now,
  }
  const split = splitRequests(requester, context)
  const close = async (): Promise<void> => {
    await requester.close()
    await ledger?.[Symbol.asyncDispose]()
    await saved?.[Symbol.asyncDispose]()
    await host[Symbol.asyncDispose]()
  }
  // The overloads differ only in what `stream` says, which is what `run` looks at.
  const client = {
    host,
    names: requester.names,
    chat: (request: ChatRequest & { stream?: boolean | null }, options?: RequestOptions) =>
      wantsStream(request) ? split.streamChat(request, options) : split.chat(request, options),
    complete: (
      request: PromptListRequest & { stream?: boolean | null },
      options?: RequestOptions,
    ) =>
      wantsStream(request)
        ? split.streamCompletion(request, options)
        : split.complete(request, options),
    embed: (request: EmbeddingRequest, options?: RequestOptions) => split.embed(request, options),
    batch: (
      requests: Iterable<BatchRequest> | AsyncIterable<BatchRequest>,
      options: BatchOptions = {},
    ) => runBatch({ ...context, requester: split, slots: requester.slots }, requests, options),
    models: (options?: AbortOptions) => requester.models(options),
    unusedFields: (peerId: string, model: string, fields: readonly string[]) =>
      requester.unusedFields(peerId, model, fields),
    peers: (options?: AbortOptions) => requester.peers(options),
    observe: (listener: (event: RequestEvent) => void) => requester.observe(listener),
    reputation: (peer?: string) => reputation.report(peer),
    forget: (peer: string) => reputation.forget(peer),
    stats: () => requester.stats(),
    close,
    [Symbol.asyncDispose]: close,
  }
  return client as Client
}
