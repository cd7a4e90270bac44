import { vi } from 'vitest'
import type { Script, ScriptedBackend } from '../../../backend/index.ts'
import type { Client } from '../../../client/index.ts'
import {
  createGateway,
  type Gateway,
  type GatewayServer,
  serveGateway,
} from '../../../gateway/index.ts'
import { InferenceError, type InferenceRequest } from '../../../protocol/index.ts'
import { LiveSwarm } from '../../../testing/swarms/live-swarm.ts'

export const prompt = 'Count from 1 to 20.'
export const numbers: string = Array.from({ length: 20 }, (_, i) => i + 1).join(', ')
export const weather = { city: 'Oslo' } as const

/** Instructions to an engine in the prompt. */
export type Failing = 'at once' | 'after 5 tokens' | 'after 5 tokens, once'

const models = [
  {
    id: 'm',
    capabilities: [
      'chat',
      'completion',
      'embedding',
      'tools',
      'json_schema',
      'logprobs',
      'vision',
      'token_ids',
    ],
    fields: [
      'dimensions',
      'top_k',
      'presence_penalty',
      'frequency_penalty',
      'parallel_tool_calls',
      'tool_choice',
    ],
  },
] as const

/** Two peers behind a gateway, whose engines call tools, reason and fail as the prompt says. */
export class ToolSwarm implements AsyncDisposable {
  readonly gateway: Gateway
  readonly #server: GatewayServer
  readonly #swarm: LiveSwarm
  readonly #backends: readonly ScriptedBackend[]
  readonly #failed: Set<string>
  /** Requests of all peers, in order. */
  readonly #requests: readonly InferenceRequest[]
  #made = 0

  private constructor(
    parts: readonly [
      LiveSwarm,
      GatewayServer,
      Gateway,
      readonly ScriptedBackend[],
      Set<string>,
      readonly InferenceRequest[],
    ],
  ) {
    ;[this.#swarm, this.#server, this.gateway, this.#backends, this.#failed, this.#requests] = parts
  }

  static async create(): Promise<ToolSwarm> {
    const swarm = await LiveSwarm.create()
    const failed = new Set<string>()
    const requests: InferenceRequest[] = []
    const script = (request: InferenceRequest): Script | undefined => {
      requests.push(request)
      return behave(request, failed)
    }
    const backends: ScriptedBackend[] = []
    for (let i = 0; i < 2; i += 1) backends.push((await swarm.node({ models, script })).backend)
    const client = await swarm.client()
    await vi.waitFor(
      async () => {
        if ((await client.peers()).length < 2) throw new Error('the peers are not found yet')
      },
      { timeout: 30_000 },
    )
    const server = await serveGateway(client, { port: 0, drainMs: 5_000 })
    return new ToolSwarm([swarm, server, createGateway(client), backends, failed, requests])
  }

  /** Without a slash at the end. */
  get url(): string {
    return this.#server.url
  }

  /** A conversation that makes engines fail in this way. */
  failing(how: Failing): [{ role: 'user'; content: string }] {
    this.#made += 1
    return [{ role: 'user', content: `${prompt} Fail ${how} #${this.#made}` }]
  }

  /** As an engine got it. */
  lastRequest(): InferenceRequest | undefined {
    return this.#requests.at(-1)
  }

  /** Resolves once no engine is working. */
  async idle(): Promise<void> {
    await Promise.all(this.#backends.map((backend) => backend.idle()))
  }

  /** Number of answers that were stopped. */
  abortedCount(): number {
    return this.#backends.reduce((sum, { aborted }) => sum + aborted, 0)
  }

  /** A further client of the same swarm. */
  async client(): Promise<Client> {
    return await this.#swarm.client()
  }

  /** Whether an engine has failed in this way. */
  hasFailed(content: string): boolean {
    return this.#failed.has(content)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close()
    await this.gateway.close()
    await this.#swarm[Symbol.asyncDispose]()
  }
}

/** Calls a tool if one is offered, until it has its result; fails and reasons as the prompt says. */
function behave({ kind, body }: InferenceRequest, failed: Set<string>): Script | undefined {
  if (kind !== 'chat') return undefined
  const asked = body.messages.findLast(({ role }) => role === 'user')?.content
  const text = typeof asked === 'string' ? asked : ''
  const [, how] = /Fail (.+) #\d+/.exec(text) ?? []
  if (how !== undefined) {
    const isFirst = !failed.has(text)
    failed.add(text)
    const error = new InferenceError('engine_failed', 'the engine failed as it was told to')
    if (how === 'at once') return { fault: { type: 'throw', error } }
    if (how === 'after 5 tokens' || isFirst) {
      return { fault: { type: 'throw', error, afterTokens: 5 } }
    }
    return undefined
  }
  if (text.includes('slowly')) return { paceMs: 20 }
  if (body.response_format?.type === 'json_schema') return { answer: JSON.stringify(weather) }
  const thinking = text.includes('Think') ? { reasoning: 'Let me think.' } : undefined
  if (!body.tools) return thinking
  const told = body.messages.findLast(({ role }) => role === 'tool')?.content
  if (told) return { answer: `It is ${JSON.stringify(told)}.` }
  const broken = text.includes('badly')
  return {
    ...thinking,
    toolCalls: [{ name: 'weather', arguments: broken ? '{"city":' : JSON.stringify(weather) }],
  }
}
