import { onTestFinished } from 'vitest'
import { createApiKey, createGateway, type KeyRights } from '../../../gateway/index.ts'
import { fakeFetch, json, type Reply } from '../../../testing/engines/fake-engine.ts'
import { gatewayClientOf } from '../../../testing/swarms/gateway-client.ts'
import { type ScriptedPeerInit, ScriptedSwarm } from '../../../testing/swarms/scripted-swarm.ts'

/** An event of OpenAI's chats. */
export const chunk = (delta: object, finish: string | null = null, extra: object = {}): string =>
  JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish, ...extra }] })

export interface Answered {
  readonly status: number
  readonly text: string
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: bodies in four dialects
  readonly body: any
}

/**
 * A gateway over scripted peers, and over a provider `p` that answers with `reply`.
 *
 * @param rights of the key that requests have. @default without keys
 */
export async function gatewayOver(
  peers: readonly ScriptedPeerInit[],
  reply: Reply = json({}),
  rights?: KeyRights,
): Promise<{
  readonly fetch: typeof globalThis.fetch
  readonly post: (path: string, body: object) => Promise<Answered>
  readonly sent: () => { readonly tools?: unknown; readonly messages?: unknown } | undefined
}> {
  const { fetch, bodyOf } = fakeFetch({ '/v1/chat/completions': reply, '/v1/embeddings': reply })
  const providers = [{ name: 'p', baseUrl: 'http://cloud.example/v1', fetch }]
  const swarm = await ScriptedSwarm.create(peers, {
    timeoutMs: 20_000,
    providers,
    aliases: { mine: 'm' },
  })
  onTestFinished(() => swarm[Symbol.asyncDispose]())
  const anna = rights && createApiKey('anna', rights)
  const gateway = createGateway(gatewayClientOf(swarm.swarm.requester), {
    ...(anna && { apiKeys: [anna.kept] }),
  })
  onTestFinished(() => gateway.close())
  return {
    fetch: gateway.fetch as typeof globalThis.fetch,
    sent: () => bodyOf('/v1/chat/completions'),
    post: async (path, body) => {
      const response = await gateway.fetch(`http://skein.local${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(anna && { authorization: `Bearer ${anna.key}` }),
        },
        body: JSON.stringify(body),
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.includes('application/json') === true
      const { status, headers } = response
      return { status, headers, text, body: isJson ? JSON.parse(text) : undefined }
    },
  }
}
