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
import type { ChainField, OwnNames } from './chain/index.ts'
import type { ModelListing, PeerListing } from './peers/index.ts'
import {
  type ClientStats,
  createRequester,
  resolveSettings,
  type SettingsInit,
} from './pipeline/index.ts'
import {
  type AbortOptions,
  OpenParts,
  type RequestEvent,
  type RequestOptions,
  trustedPeers,
  wantsStream,
} from './request/index.ts'
import {
  type BatchOptions,
  type BatchRequest,
  type BatchResult,
  runBatch,
  splitRequests,
} from './split/index.ts'
import { openReputation, type SavedReputation, type StandingReport } from './trust/index.ts'

/** How the client reaches the swarm, and how it asks. Limits have defaults; see {@link RequestLimits}, {@link DiscoveryLimits}. */
export interface ClientInit extends Omit<HostInit, 'dht'>, SettingsInit {
  /** Ids of peers whose receipts count: peers that served a friend are not strangers. @default none */
  readonly friends?: readonly string[]
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
  /** Total advertised slots of the peers known to serve a model now, by id or alias; 0 if none are known. */
  slots(model: string): number
  /** What it is doing now, and what it may still spend. */
  stats(): ClientStats
  /** Cancels what runs and stops the host. */
  close(): Promise<void>
}

/**
 * Joins the swarm as a client of its DHT. Resolves at once: peers are found when they are needed.
 *
 * @throws InferenceError `invalid_request` if a limit is out of range, and what creating a host throws
 */
export async function createClient(init: ClientInit = {}): Promise<Client> {
  const { providers: _, scorer: __, receipts = false, friends, ...own } = init
  const trusted = trustedPeers(friends?.length ? friends : undefined, 'friends') ?? new Set()
  const now = init.now ?? Date.now
  await using opened = new OpenParts()
  const host = opened.use(await createHost({ ...own, dht: 'client' }))
  const saved = opened.use(await openReputation(init.dataDir, now))
  const ledger =
    receipts || trusted.size > 0
      ? opened.use(
          new Ledger({
            host,
            friends: [...trusted],
            dataDir: init.dataDir,
            peers: () => host.book.all().map(({ peerId }) => peerId),
            now,
          }),
        )
      : undefined
  await ledger?.start()
  const client = createClientOver(host, { ...init, saved, ledger })
  // From here on the client closes them.
  opened.release()
  return client
}

/** What a client over a host that exists already is made of. */
export type ClientOverInit = Omit<ClientInit, Exclude<keyof HostInit, 'now'>> & {
  readonly saved?: SavedReputation
  readonly ledger?: Ledger | undefined
}

/** A client over a host that exists already. Closing the client closes the host. */
export function createClientOver(host: Host, init: ClientOverInit): Client {
  const { saved, ledger } = init
  const settings = resolveSettings({
    ...init,
    ...(saved !== undefined && { reputation: saved.reputation }),
  })
  const { reputation, random, clock } = settings
  const requester = createRequester(host, settings)
  const context = { timeoutMs: settings.requestLimits.timeoutMs, random, clock }
  const split = splitRequests(requester, context)
  const parts = new OpenParts()
  parts.use(host)
  parts.use(saved)
  parts.use(ledger)
  parts.defer(() => requester.close())
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= parts[Symbol.asyncDispose]()
    return closed
  }
  // The overloads differ only in what `stream` says, which decides here.
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
    slots: (model: string) => requester.slots(model),
    stats: () => requester.stats(),
    close,
    [Symbol.asyncDispose]: close,
  }
  return client as Client
}
