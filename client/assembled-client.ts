import type { Host } from '../host/index.ts'
import { countReceipts, type Ledger } from '../ledger/index.ts'
import type { ChatRequest, EmbeddingRequest, PromptListRequest } from '../protocol/index.ts'
import type { AbortOptions } from '../timing/index.ts'
import type { NamesInit } from './chain/index.ts'
import type { Client, ClientSwarm } from './client.ts'
import type { Requester, Settings } from './pipeline/index.ts'
import {
  type OpenParts,
  type RequestEvent,
  type RequestOptions,
  wantsStream,
} from './request/index.ts'
import { type BatchOptions, type BatchRequest, runBatch, splitRequests } from './split/index.ts'
import { markable, type PeerMark, type Reputation, type SavedReputation } from './trust/index.ts'

/** A swarm whose requests a requester makes. */
export interface SwarmPart {
  readonly name: string
  readonly host: Host
  readonly reputation: Reputation
  readonly saved: SavedReputation | undefined
  readonly ledger: Ledger | undefined
}

/** Puts a client together. @param parts to be closed with it */
export function assembled(
  requester: Requester,
  { requestLimits, random, clock }: Settings,
  swarms: readonly [SwarmPart, ...SwarmPart[]],
  parts: OpenParts,
): Client {
  const context = { timeoutMs: requestLimits.timeoutMs, random, clock }
  const split = splitRequests(requester, context)
  const [{ host }] = swarms
  const views = swarms.map(swarmOf)
  parts.defer(() => requester.close())
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= parts[Symbol.asyncDispose]()
    return closed
  }
  // The overloads differ only in `stream`.
  const client = {
    host,
    swarms: views.length > 1 ? views : [],
    names: requester.names,
    rename: ({ aliases = {}, providers = [] }: Partial<NamesInit>) =>
      requester.rename({ aliases, providers }),
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
    running: () => requester.running(),
    reputation: (peer?: string) => views.flatMap((swarm) => swarm.reputation(peer)),
    forget: (peer: string) =>
      swarms.reduce((sum, { reputation }) => sum + reputation.forget(peer), 0),
    async mark(peer: string, mark: PeerMark | undefined) {
      for (const { host, reputation, saved } of swarmsOf(swarms, peer)) {
        reputation.mark(markable(peer, host.peerId), mark)
        await saved?.save()
      }
    },
    marks: () => views.flatMap((swarm) => swarm.marks()),
    receipts: () => new Map(views.flatMap((swarm) => [...swarm.receipts()])),
    slots: (model: string) => requester.slots(model),
    stats: () => requester.stats(),
    close,
    [Symbol.asyncDispose]: close,
  }
  return client as Client
}

function swarmOf({ name, host, reputation, ledger }: SwarmPart): ClientSwarm {
  return {
    ...{ name, host },
    reputation: (peer) => reputation.report(peer),
    marks: () => reputation.marks(),
    receipts: () => countReceipts(ledger?.book.all() ?? [], host.peerId.toString()),
  }
}

/** The swarms that know a peer; all if none does. */
function swarmsOf(swarms: readonly SwarmPart[], peer: string): readonly SwarmPart[] {
  const knowing = swarms.filter(
    ({ host, reputation }) =>
      host.book.all().some(({ peerId }) => peerId.toString() === peer) ||
      reputation.markOf(peer) !== undefined,
  )
  return knowing.length > 0 ? knowing : swarms
}
