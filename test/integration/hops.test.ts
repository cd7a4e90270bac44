import { describe, expect, it } from 'vitest'
import { createBackendFromUrl } from '../../backend/index.ts'
import { type ClientInit, createClient } from '../../client/index.ts'
import { serveGateway } from '../../gateway/index.ts'
import { speaks, startProvider } from '../../testing/engines/provider-server.ts'

const messages = [{ role: 'user', content: 'hello' }] as const
/** Without peers: only the caller's own providers. */
const ALONE: ClientInit = { connectTimeoutMs: 50, lookupTimeoutMs: 200, timeoutMs: 30_000 }

describe('requests that would go in circles', () => {
  it('a node that is to share a gateway is told what it is', async () => {
    await using client = await createClient(ALONE)
    await using server = await serveGateway(client, { host: '127.0.0.1', port: 0 })
    const asked = createBackendFromUrl({ baseUrl: `${server.url}/v1` })
    await expect(asked).rejects.toMatchObject({ code: 'engine_failed' })
    await expect(asked).rejects.toThrow(/this is a Skein gateway, not an engine/)
  })

  it('a gateway in front of a gateway counts, and passes the request on', async () => {
    await using cloud = await startProvider(speaks('hello'))
    const inner = { name: 'cloud', baseUrl: cloud.baseUrl }
    await using innerClient = await createClient({ ...ALONE, providers: [inner] })
    await using innerServer = await serveGateway(innerClient, { host: '127.0.0.1', port: 0 })
    const outer = { name: 'inner', baseUrl: innerServer.url }
    await using client = await createClient({ ...ALONE, providers: [outer] })
    const answer = await client.chat({ model: 'inner/cloud/m', messages })
    expect(answer.choices[0]?.message.content).toBe('hello')
    expect(answer.model).toBe('inner/cloud/m')
    expect(cloud.headers[0]).toMatchObject({ 'x-skein-hops': '2' })
  })

  it('gateways that name each other end the circle', async () => {
    await using ghost = await startProvider(speaks('never'))
    const providers = [{ name: 'self', baseUrl: ghost.baseUrl }]
    const circle: { url?: string } = {}
    // Its own address is known only once it listens: calls to the provider are turned there.
    const fetch = (url: string, init: RequestInit): Promise<Response> =>
      globalThis.fetch(url.replace(ghost.baseUrl, circle.url ?? ''), init)
    await using client = await createClient({
      ...ALONE,
      aliases: { loop: 'self/loop' },
      providers: providers.map((each) => ({ ...each, fetch })),
    })
    await using server = await serveGateway(client, { host: '127.0.0.1', port: 0 })
    circle.url = server.url
    const asked = client.chat({ model: 'loop', messages })
    await expect(asked).rejects.toThrow(/more than 3 gateways, probably in a loop/)
    expect(ghost.requests).toHaveLength(0)
  })
})
