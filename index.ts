/**
 * Skein: LLM inference over a peer-to-peer network.
 *
 * @example
 * import OpenAI from 'openai'
 * import { createClient } from 'skein'
 *
 * await using skein = await createClient({ bootstrap: ['/dns4/…/tcp/4801/p2p/12D3Koo…'] })
 * const answer = await skein.chat({ model: 'llama3.2:3b', messages: [{ role: 'user', content: 'Hello!' }] })
 * console.log(answer.choices[0]?.message.content)
 * // Or through any SDK that takes a `fetch`:
 * const openai = new OpenAI({ apiKey: 'none', baseURL: 'http://skein.local/v1', fetch: skein.fetch })
 *
 * @packageDocumentation
 */

import {
  type Client,
  type ClientInit,
  createClient as createBareClient,
  createSwarmsClient as createBareSwarmsClient,
  type SwarmsClientInit,
} from './client/index.ts'
import type { Gateway } from './gateway/index.ts'

export {
  type AbortOptions,
  type Answer,
  type BatchOptions,
  type BatchProgress,
  type BatchRequest,
  type BatchResult,
  type ChatChoice,
  type ChatCompletion,
  type Client,
  type ClientInit,
  type ClientSwarm,
  type Completion,
  type CompletionChoice,
  type DiscoveryLimits,
  type EmbeddingResponse,
  type ModelListing,
  PartialFailure,
  type PeerListing,
  type ProgressReport,
  type RequestLimits,
  type RequestOptions,
  type ServedBy,
  type ServedChunk,
  type SwarmInit,
  type SwarmsClientInit,
} from './client/index.ts'
export {
  type AttemptRecord,
  type ChatChunk,
  type ChatMessage,
  type ChatRequest,
  type CompletionChunk,
  type CompletionRequest,
  type EmbeddingRequest,
  type ErrorCode,
  InferenceError,
} from './protocol/index.ts'

/** A client that also is a `fetch`. */
export interface Skein extends Client {
  /**
   * Answers requests for OpenAI's API in-process: `baseURL: 'http://skein.local/v1'`, whatever the host. Any SDK that
   * takes a `fetch` can use it. Nothing leaves the machine but what the client asks its peers.
   */
  readonly fetch: Gateway['fetch']
}

/**
 * Joins the swarm as a DHT client. Resolves at once: peers are looked up when they are needed.
 *
 * @throws InferenceError `invalid_request` if a limit is out of range; errors of creating the host
 */
export async function createClient(init: ClientInit = {}): Promise<Skein> {
  return withFetch(await createBareClient(init))
}

/**
 * Joins several swarms, none of which learns of the others: each has an identity, connections, caches and standings of its
 * own, and a data directory of its own. Models are called `swarm/model`; chains and aliases may lead from one swarm to the
 * next. A plain name means a model of the first swarm, or of the only other one that serves it; `auto` means the models of
 * the first swarm.
 *
 * @example
 * import { createSwarmsClient } from 'skein'
 *
 * await using skein = await createSwarmsClient({
 *   swarms: [
 *     { name: 'work', membership: '/home/me/.local/share/skein/swarms/work' },
 *     { name: 'home', membership: '/home/me/.local/share/skein/swarms/home' },
 *   ],
 * })
 * const messages = [{ role: 'user', content: 'Hello!' }] as const
 * await skein.chat({ model: 'work/llama3.2:3b,home/llama3.2:3b', messages })
 *
 * @throws InferenceError `invalid_request` for names or data directories that are equal, or a limit out of range; errors of
 *   creating the hosts
 */
export async function createSwarmsClient(init: SwarmsClientInit): Promise<Skein> {
  return withFetch(await createBareSwarmsClient(init))
}

function withFetch(client: Client): Skein {
  let gateway: Promise<Gateway> | undefined
  const start = async (): Promise<Gateway> => {
    // Only those who use it wait for it to load.
    const { createGateway } = await import('./gateway/index.ts')
    return createGateway(client)
  }
  return {
    ...client,
    fetch: async (input, options) => {
      gateway ??= start()
      return await (await gateway).fetch(input, options)
    },
  }
}
