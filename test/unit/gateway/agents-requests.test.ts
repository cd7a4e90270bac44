import { describe, expect, it, vi } from 'vitest'
import { events } from '../../../testing/engines/fake-engine.ts'
import { chunk, gatewayOver } from './gateway-over.ts'

vi.setConfig({ testTimeout: 30_000 })

const reply = () => events(chunk({ content: 'a' }, 'stop'), '[DONE]')
const PARAMETERS = { type: 'object', properties: { file: { type: 'string' } } }
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='

interface Asked {
  readonly system: string
  readonly tools: readonly string[]
  readonly image?: string
}

/** What agents ask, in each dialect. */
const DIALECTS: Readonly<Record<string, (asked: Asked) => object>> = {
  '/v1/chat/completions': ({ system, tools, image }) => ({
    messages: [
      { role: 'system', content: system },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Go on.' },
          ...(image === undefined
            ? []
            : [{ type: 'image_url', image_url: { url: `data:image/png;base64,${image}` } }]),
        ],
      },
    ],
    tools: tools.map((name) => ({ type: 'function', function: { name, parameters: PARAMETERS } })),
  }),
  '/v1/responses': ({ system, tools, image }) => ({
    instructions: system,
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'Go on.' },
          ...(image === undefined
            ? []
            : [{ type: 'input_image', image_url: `data:image/png;base64,${image}` }]),
        ],
      },
    ],
    tools: tools.map((name) => ({ type: 'function', name, parameters: PARAMETERS })),
  }),
  '/v1/messages': ({ system, tools, image }) => ({
    max_tokens: 9,
    system: [{ type: 'text', text: system, cache_control: { type: 'ephemeral' } }],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Go on.' },
          ...(image === undefined
            ? []
            : [
                {
                  type: 'image',
                  source: { type: 'base64', media_type: 'image/png', data: image },
                },
              ]),
        ],
      },
    ],
    tools: tools.map((name) => ({ name, input_schema: PARAMETERS })),
  }),
  '/api/chat': ({ system, tools, image }) => ({
    stream: false,
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: 'Go on.', ...(image !== undefined && { images: [image] }) },
    ],
    tools: tools.map((name) => ({ type: 'function', function: { name, parameters: PARAMETERS } })),
  }),
}

interface Sent {
  readonly tools: readonly { readonly function: { readonly name: string } }[]
  readonly messages: readonly { readonly role: string; readonly content: unknown }[]
}

describe.each(Object.entries(DIALECTS))('%s of an agent', (path, bodyOf) => {
  const system = `You are an agent. ${'Mind the geese. '.repeat(10_000)}End.`
  const tools = Array.from({ length: 300 }, (_, at) => `tool_${at}`)

  it.each([false, true])(
    'brings its 300 tools and long instructions to the engine; streamed: %s',
    async (stream) => {
      const { post, sent } = await gatewayOver([], reply)
      const { status } = await post(path, { model: 'p/x', ...bodyOf({ system, tools }), stream })
      expect(status).toBe(200)
      const asked = sent() as unknown as Sent
      expect(asked.tools.map((tool) => tool.function.name)).toEqual(tools)
      const [first] = asked.messages
      expect([first?.role, JSON.stringify(first?.content).includes(system)]).toEqual([
        ...['system', true],
      ])
    },
  )

  it('brings images to an engine that sees, and is refused by name elsewhere', async () => {
    const body = bodyOf({ system: 'See.', tools: [], image: PIXEL })
    const { post, sent } = await gatewayOver([{}], reply)
    expect((await post(path, { model: 'p/x', ...body })).status).toBe(200)
    expect(JSON.stringify(sent()?.messages)).toContain(`;base64,${PIXEL}`)
    const refused = await post(path, { model: 'm', ...body })
    expect(refused.status).toBe(400)
    expect(refused.text).toMatch(/no peer offers '(?:vision|input_image|image|images)'/)
  })
})

describe('/v1/messages/count_tokens', () => {
  it('estimates what a prompt takes, with its tools and instructions, and says so', async () => {
    const { post } = await gatewayOver([{}])
    const count = async (more: object): Promise<number> => {
      const asked = { model: 'm', messages: [{ role: 'user', content: 'Go on.' }], ...more }
      const { status, body, headers } = await post('/v1/messages/count_tokens', asked)
      expect([status, headers.get('x-skein-estimated')]).toEqual([200, 'true'])
      return body.input_tokens
    }
    const bare = await count({})
    const system = await count({ system: 'Mind the geese. '.repeat(100) })
    const tools = Array.from({ length: 300 }, (_, at) => ({
      ...{ name: `tool_${at}`, input_schema: PARAMETERS },
    }))
    const thinking = { thinking: { type: 'adaptive' }, tool_choice: { type: 'auto' }, tools }
    expect(bare).toBeGreaterThan(0)
    expect(system).toBeGreaterThan(bare + 200)
    expect(await count(thinking)).toBeGreaterThan(bare + 1_000)
  })
})
