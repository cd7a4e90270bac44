import { describe, expect, it } from 'vitest'
import type { ModelListing } from '../../../client/index.ts'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import { createGateway, type LocalModels } from '../../../gateway/index.ts'
import { sharedListing } from '../../../gateway/shared-listing.ts'
import { InferenceError } from '../../../protocol/index.ts'
import { VirtualClock } from '../../../testing/virtual-clock.ts'

const MODEL: ModelListing = {
  ...{ id: 'm', aliases: [], digests: [], capabilities: ['chat'], contextLength: 0 },
  peers: ['p'],
}

/** A client that counts the lists it makes. */
function counted(list: () => Promise<readonly ModelListing[]> = async () => [MODEL]) {
  const made = { lists: 0 }
  const client = {
    models: () => {
      made.lists += 1
      return list()
    },
    names: { aliases: [], providers: [] },
    observe: () => () => undefined,
  } as unknown as GatewayClient
  return { made, client }
}

describe('a flood of requests for lists', () => {
  it.each(['/v1/models', '/v1/models/m', '/v1/models/n', '/api/tags', '/readyz'])(
    'makes one a second: GET %s',
    async (path) => {
      const { made, client } = counted()
      const gateway = createGateway(client, { allowedHosts: [] })
      const startedAtMs = performance.now()
      for (let n = 0; n < 10; n += 1) {
        const answers = Array.from({ length: 20 }, () => gateway.fetch(`http://localhost${path}`))
        for (const { status } of await Promise.all(answers)) expect([200, 404]).toContain(status)
      }
      const seconds = (performance.now() - startedAtMs) / 1_000
      expect(made.lists).toBeLessThanOrEqual(1 + Math.floor(seconds))
    },
  )

  it('shares the one that is being made, and shows it for a second', async () => {
    const clock = new VirtualClock()
    const { promise, resolve } = Promise.withResolvers<readonly ModelListing[]>()
    const { made, client } = counted(() => promise)
    const shared = sharedListing(client, undefined, clock).client
    const first = shared.models()
    await clock.advance(60_000)
    const second = shared.models()
    resolve([MODEL])
    expect(await Promise.all([first, second])).toEqual([[MODEL], [MODEL]])
    await clock.advance(999)
    await shared.models()
    expect(made.lists).toBe(1)
    await clock.advance(1)
    await shared.models()
    expect(made.lists).toBe(2)
  })

  it('shares a failure, too', async () => {
    const clock = new VirtualClock()
    const { made, client } = counted(() => Promise.reject(new InferenceError('no_peers', 'none')))
    const shared = sharedListing(client, undefined, clock).client
    for (let n = 0; n < 3; n += 1) await expect(shared.models()).rejects.toThrow('none')
    expect(made.lists).toBe(1)
  })

  it('ends the wait of a caller that leaves, and not that of the others', async () => {
    const { promise, resolve } = Promise.withResolvers<readonly ModelListing[]>()
    const { client } = counted(() => promise)
    const shared = sharedListing(client, undefined, new VirtualClock()).client
    const leaving = new AbortController()
    const left = shared.models({ signal: leaving.signal })
    const stays = shared.models()
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    resolve([MODEL])
    expect(await stays).toEqual([MODEL])
  })

  it('makes a new one once a model of this machine was changed', async () => {
    const { made, client } = counted()
    const models = { share: async () => {}, remove: () => Promise.reject(new Error('in use')) }
    const { client: shared, local } = sharedListing(
      client,
      models as unknown as LocalModels,
      new VirtualClock(),
    )
    await shared.models()
    await local.share('m')
    await shared.models()
    await expect(local.remove('m')).rejects.toThrow('in use')
    await shared.models()
    expect(made.lists).toBe(3)
  })
})
