import { afterEach, describe, expect, it, vi } from 'vitest'
import { AGENTS } from '../../../cli/launch/agents.ts'
import { gatewayModel } from '../../../cli/launch/gateway-model.ts'

const target = { url: 'http://127.0.0.1:4810', model: 'qwen3:8b', key: 'secret' }
const { signal } = new AbortController()

describe('the plan for an agent', () => {
  it.each(Object.keys(AGENTS))('points %s to the gateway and the model', (agent) => {
    const plan = AGENTS[agent]?.(target)
    const all = [...(plan?.args ?? []), ...Object.values(plan?.env ?? {})].join('\n')
    expect(all).toContain(target.url)
    expect(all).toContain(target.model)
    expect(Object.values(plan?.env ?? {})).toContain(target.key)
    expect(plan?.args.join('\n')).not.toContain(target.key)
  })
})

describe('the model at a gateway', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  const listing = (...ids: readonly string[]) =>
    vi.stubGlobal('fetch', async () => Response.json({ data: ids.map((id) => ({ id })) }))

  it('is the only one that it lists, or the one asked for', async () => {
    listing('m')
    expect(await gatewayModel({ ...target, model: undefined, signal })).toBe('m')
    listing('a', 'b')
    expect(await gatewayModel({ ...target, model: 'x', signal })).toBe('x')
  })

  it.each([
    ['it lists several', () => listing('a', 'b'), 'give --model: the gateway at'],
    ['it lists none', () => listing(), 'lists no model yet'],
    [
      'it wants a key',
      () => vi.stubGlobal('fetch', async () => new Response('', { status: 401 })),
      'give --key',
    ],
    [
      'none answers',
      () => vi.stubGlobal('fetch', () => Promise.reject(new TypeError('fetch failed'))),
      'no gateway answers',
    ],
  ])('is a usage error if %s', async (_, prepare, message) => {
    prepare()
    const asked = gatewayModel({ ...target, model: undefined, signal })
    await expect(asked).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    })
  })
})
