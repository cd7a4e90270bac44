import type { Host, HostInit } from '../host/index.ts'
import type { ReceiptCount } from '../ledger/index.ts'
import type {
  ChatChunk,
  ChatRequest,
  CompletionChunk,
  EmbeddingRequest,
  PromptListRequest,
} from '../protocol/index.ts'
import type { AbortOptions } from '../timing/index.ts'
import type { Answer, ChatCompletion, Completion, EmbeddingResponse } from './answer/index.ts'
import type { ChainField, NamesInit, OwnNames } from './chain/index.ts'
import type { ModelListing, PeerListing } from './peers/index.ts'
import type { ClientStats, SettingsInit } from './pipeline/index.ts'
import type { RequestEvent, RequestOptions, RunningRequest } from './request/index.ts'
import type { BatchOptions, BatchRequest, BatchResult } from './split/index.ts'
import type { PeerMark, StandingReport } from './trust/index.ts'

/** Options of a client. Limits have defaults; see {@link RequestLimits}, {@link DiscoveryLimits}. */
export interface ClientInit extends Omit<HostInit, 'dht'>, SettingsInit {
  /** Ids of peers whose receipts count: a peer that served a friend is not a stranger. @default none */
  readonly friends?: readonly string[]
}

/** A swarm of a client that is in several: its host there, and what it knows of the swarm's peers. */
export interface ClientSwarm extends Pick<Client, 'host' | 'marks' | 'receipts' | 'reputation'> {
  readonly name: string
}

interface Streamed extends ChainField {
  readonly stream: true
  /** `include_usage`: adds a last chunk with the usage and no choice. */
  readonly stream_options?: { readonly include_usage?: boolean } | null
}

interface Whole extends ChainField {
  readonly stream?: false | null
}

/**
 * Sends requests to the peers of a swarm and to the caller's own providers. A request's `model` is an id, an alias,
 * `provider/model`, `auto` (any available model that can serve the request), or a comma-separated chain of these;
 * `models` lists further members of the chain.
 *
 * Every rejection is an InferenceError, except that an aborted call rejects with its signal's reason. If peers were asked,
 * `error.details.attempts` lists the attempts and their outcomes.
 */
export interface Client extends AsyncDisposable {
  /** Of several swarms: the default one's. */
  readonly host: Host
  /** The swarms that `createSwarmsClient` was given, the default first. Empty if the client is in one only. */
  readonly swarms: readonly ClientSwarm[]
  /** Names that requests may use in addition to the models of the network. */
  readonly names: OwnNames
  /**
   * Replaces all aliases and providers: those that are left out are removed. Running requests keep the ones that they
   * began with.
   *
   * @throws InferenceError `invalid_request`, having changed nothing, for an alias or a provider that cannot be used
   */
  rename(names: Partial<NamesInit>): void
  /** A streamed chat answer. The iterator throws errors. */
  chat(request: ChatRequest & Streamed, options?: RequestOptions): Answer<ChatChunk>
  /** A whole chat answer. Another peer may take over until its end. `n` choices are separate requests, spread over all peers. */
  chat(request: ChatRequest & Whole, options?: RequestOptions): Promise<ChatCompletion>
  /** A streamed text completion. The iterator throws errors. */
  complete(request: PromptListRequest & Streamed, options?: RequestOptions): Answer<CompletionChunk>
  /** A whole text completion. Another peer may take over until its end. Prompts of a list are separate requests, spread over all peers. */
  complete(request: PromptListRequest & Whole, options?: RequestOptions): Promise<Completion>
  /**
   * One embedding for each input, as numbers, in the order of the inputs. Many inputs are spread over peers with the same
   * weights.
   *
   * @throws {@link PartialFailure} with the embeddings that arrived, if some did not
   */
  embed(
    request: EmbeddingRequest & ChainField,
    options?: RequestOptions,
  ): Promise<EmbeddingResponse>
  /**
   * Many requests, spread over all peers, each with one result. Requests are pulled from `requests` as peers have capacity.
   * Failed requests are retried, and requests without a free slot wait, until the deadline of the batch. Breaking out of
   * the loop cancels the rest.
   *
   * @throws what `requests` throws; `deadline_exceeded` if some were never started; the signal's reason
   */
  batch(
    requests: Iterable<BatchRequest> | AsyncIterable<BatchRequest>,
    options?: BatchOptions,
  ): AsyncGenerator<BatchResult, void, void>
  /** Every model that can be found, and the peers that serve it. @throws InferenceError `no_peers` with the reason */
  models(options?: AbortOptions): Promise<readonly ModelListing[]>
  /**
   * Those of the given optional request fields that the engine behind a peer's model ignores: all of them for an unknown
   * peer, none for the caller's own providers.
   */
  unusedFields(peerId: string, model: string, fields: readonly string[]): readonly string[]
  /** Every peer that serves a model, probed. @throws InferenceError `no_peers` with the reason */
  peers(options?: AbortOptions): Promise<readonly PeerListing[]>
  /** Subscribes to request records. Exceptions of the listener are ignored. @returns unsubscribe */
  observe(listener: (event: RequestEvent) => void): () => void
  /** The requests that have not ended, in the order of their starts. */
  running(): readonly RunningRequest[]
  /** The standings of one peer, or of all peers, from audits. */
  reputation(peer?: string): readonly StandingReport[]
  /** Deletes the standings of a peer, which becomes a newcomer again. @returns the number of standings deleted */
  forget(peer: string): number
  /**
   * Marks a peer as denied, which is neither asked nor counted, or as trusted, which counts as proven until an audit
   * fails; `undefined` takes the mark back. Holds for the next choice of a peer, and is stored: other clients of the
   * data directory see it within 5 s.
   *
   * @throws InferenceError `invalid_request` for an invalid peer id, its own, or too many marks; what storing throws, and
   *   the mark holds all the same
   */
  mark(peer: string, mark: PeerMark | undefined): Promise<void>
  /** The marked peers, the latest last. */
  marks(): readonly MarkedPeer[]
  /** How many receipts of the last two weeks are kept, by the peer on the other side; empty if receipts are off. */
  receipts(): ReadonlyMap<string, ReceiptCount>
  /** Advertised slots of the peers met that serve a model, by id or alias; 0 if none are known. */
  slots(model: string): number
  /** Current activity and remaining budgets. */
  stats(): ClientStats
  /** Cancels all requests and stops the host. */
  close(): Promise<void>
}

/** A peer, and how this client's owner marked it. */
export interface MarkedPeer {
  readonly peer: string
  readonly mark: PeerMark
  /** Milliseconds since 1970. */
  readonly atMs: number
}
