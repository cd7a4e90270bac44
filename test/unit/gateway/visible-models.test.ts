import { describe, expect, it } from 'vitest'
import type { ModelListing } from '../../../client/index.ts'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import { type ApiKey, createApiKey, createGateway, type KeyRights } from '../../../gateway/index.ts'
import { InferenceError } from '../../../protocol/index.ts'
import { gatewayOver } from './gateway-over.ts'

const listing = (id: string, peers: readonly string[], aliases: readonly string[] = []) =>
  ({
    ...{ id, aliases, peers, digests: [], capabilities: ['chat'], contextLength: 0 },
  }) satisfies ModelListing

const SERVED = [listing('big', ['p', 'q'], ['big:latest']), listing('small', ['q'])]

function shownTo(rights: KeyRights, serve: () => Promise<readonly ModelListing[]>) {
  const { key, kept } = createApiKey('anna', rights)
  const client = {
    models: serve,
    names: { aliases: ['fast'], providers: [{ name: 'cloud', models: ['gpt-x'] }] },
    observe: () => () => undefined,
  } as unknown as GatewayClient
  const keys: readonly ApiKey[] = [kept]
  const gateway = createGateway(client, { apiKeys: keys, allowedHosts: [] })
  return async (path: string, init: RequestInit = {}): Promise<Response> =>
    await gateway.fetch(`http://localhost${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    })
}

describe('lists of models', () => {
  it.each<[name: string, rights: KeyRights, ids: readonly string[]]>([
    ['everything to a key without restriction', {}, ['big', 'small', 'fast', 'cloud/gpt-x']],
    ['the models that a key may use', { models: ['small', 'fast'] }, ['small', 'fast']],
    ['a model under the name that a key may use', { models: ['big:latest'] }, ['big:latest']],
    ['what the peers of a key serve, and no provider', { peers: ['p'] }, ['big', 'fast']],
    [
      'providers that a key names beside peers',
      { peers: ['p'], providers: ['cloud'] },
      ['big', 'fast', 'cloud/gpt-x'],
    ],
    ['no provider to a key that may use none', { providers: [] }, ['big', 'small', 'fast']],
  ])('show %s', async (_, rights, ids) => {
    const get = shownTo(rights, async () => SERVED)
    const { data } = (await (await get('/v1/models')).json()) as { data: { id: string }[] }
    expect(data.map(({ id }) => id)).toEqual(ids)
    const { models } = (await (await get('/api/tags')).json()) as { models: { name: string }[] }
    expect(models.map(({ name }) => name)).toEqual(ids)
  })

  it('hide a single model, and what would be available instead', async () => {
    const get = shownTo({ models: ['small'] }, async () => SERVED)
    const refused = await get('/v1/models/big')
    expect(refused.status).toBe(404)
    expect(await refused.text()).not.toContain('cloud')
    const shown = await get('/api/show', { method: 'POST', body: '{"model":"big"}' })
    expect(shown.status).toBe(404)
    expect((await get('/v1/models/small')).status).toBe(200)
  })

  it('show own models without peers, unless the key may use none of them', async () => {
    const serve = () => Promise.reject(new InferenceError('no_peers', 'none'))
    expect((await shownTo({}, serve)('/v1/models')).status).toBe(200)
    expect((await shownTo({ models: ['small'] }, serve)('/v1/models')).status).toBe(503)
  })
})

describe('the error for a model that no peer serves', () => {
  const content = 'Count from 1 to 3.'
  const messages = [{ role: 'user', content }]
  const peers = [{ model: { id: 'small' } }, { model: { id: 'secret', aliases: [] } }]
  const asked: readonly [path: string, body: object][] = [
    ['/v1/chat/completions', { messages }],
    ['/v1/chat/completions', { messages, stream: true }],
    ['/v1/chat/completions', { messages, models: ['mine'] }],
    ['/v1/chat/completions', { messages, n: 2 }],
    ['/v1/completions', { prompt: content }],
    ['/v1/embeddings', { input: content }],
    ['/v1/embeddings', { input: [content, content] }],
    ['/v1/messages', { messages, max_tokens: 9 }],
    ['/v1/messages', { messages, max_tokens: 9, stream: true }],
    ['/v1/responses', { input: content }],
    ['/v1/responses', { input: content, stream: true }],
    ['/api/chat', { messages }],
    ['/api/chat', { messages, stream: false }],
    ['/api/generate', { prompt: content }],
    ['/api/embed', { input: content }],
  ]

  it.each(asked)(
    'names to a key what it may use instead, and nothing else: %s %j',
    async (...of) => {
      const [path, body] = of
      const rights = { models: ['absent', 'mine', 'small'] }
      const { post } = await gatewayOver(peers, undefined, rights)
      // An alias of a model that no peer serves, too.
      for (const model of ['absent', 'mine']) {
        const { status, text } = await post(path, { model, ...body })
        expect(status, text).toBe(404)
        expect(text).not.toContain('secret')
      }
    },
  )

  it('names the models that are served', async () => {
    const ask = { model: 'absent', messages }
    const open = await gatewayOver(peers)
    expect((await open.post('/v1/chat/completions', ask)).body.error.message).toBe(
      "no peer serves 'absent'. Available: secret (1 peer), small (1 peer)",
    )
    const { post } = await gatewayOver(peers, undefined, { models: ['absent', 'small'] })
    expect((await post('/v1/messages', { ...ask, max_tokens: 9 })).body.error.message).toBe(
      "no peer serves 'absent'. Available: small (1 peer)",
    )
  })
})
