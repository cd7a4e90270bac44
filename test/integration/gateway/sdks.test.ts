import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { HumanMessage } from '@langchain/core/messages'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { embedMany, generateObject, generateText, stepCountIs, streamText, tool } from 'ai'
import OpenAI from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { Script } from '../../../backend/index.ts'
import {
  createGateway,
  type Gateway,
  type GatewayServer,
  serveGateway,
} from '../../../gateway/index.ts'
import type { InferenceRequest } from '../../../protocol/index.ts'
import { AnswerChecks } from '../../../testing/answer-checks.ts'
import { LiveSwarm } from '../../../testing/swarms/live-swarm.ts'

const prompt = 'Count from 1 to 20.'
const numbers = Array.from({ length: 20 }, (_, i) => i + 1).join(', ')
const weather = { city: 'Oslo' }

let swarm: LiveSwarm
let server: GatewayServer
let gateway: Gateway
let checks: AnswerChecks

/** Calls a tool if one is offered, until it has its result; otherwise answers by rule. */
function behave({ kind, body }: InferenceRequest): Script | undefined {
  if (kind !== 'chat') return undefined
  if (body.response_format?.type === 'json_schema') return { answer: JSON.stringify(weather) }
  if (!body.tools) return undefined
  const told = body.messages.findLast(({ role }) => role === 'tool')?.content
  if (told) return { answer: `It is ${JSON.stringify(told)}.` }
  return { toolCalls: [{ name: 'weather', arguments: JSON.stringify(weather) }] }
}

beforeAll(async () => {
  checks = new AnswerChecks()
  swarm = await LiveSwarm.create()
  const capabilities = [
    'chat',
    'completion',
    'embedding',
    'tools',
    'json_schema',
    'logprobs',
  ] as const
  await swarm.node({ models: [{ id: 'm', capabilities }], script: behave })
  const client = await swarm.client()
  server = await serveGateway(client, { port: 0, drainMs: 5_000 })
  gateway = createGateway(client)
})
afterAll(async () => {
  await server.close()
  await swarm[Symbol.asyncDispose]()
})

afterEach(() => {
  expect(checks.violations.splice(0)).toEqual([])
})

const ways = [
  ['over HTTP', () => ({ baseURL: `${server.url}/v1`, fetch: checks.over(fetch) })],
  ['in-process', () => ({ baseURL: 'http://skein.local/v1', fetch: checks.over(gateway.fetch) })],
] as const

describe.each(ways)('openai, %s', (_, way) => {
  const messages = [{ role: 'user' as const, content: prompt }]
  const sdk = (): OpenAI => new OpenAI({ apiKey: 'none', maxRetries: 0, ...way() })

  it('streams with its helpers', async () => {
    const stream = sdk().chat.completions.stream({ model: 'm', messages })
    let text = ''
    stream.on('content', (delta) => {
      text += delta
    })
    const completion = await stream.finalChatCompletion()
    expect(text).toContain(numbers)
    expect(completion.choices[0]?.message.content).toBe(text)
  })

  it.each([false, true])('runs tools; streamed: %s', async (stream) => {
    const asked: unknown[] = []
    const runner = sdk().chat.completions.runTools({
      model: 'm',
      messages,
      stream: stream as false,
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            description: 'The weather in a city.',
            parameters: { type: 'object', properties: { city: { type: 'string' } } },
            parse: JSON.parse,
            function: (args: unknown) => {
              asked.push(args)
              return 'sunny'
            },
          },
        },
      ],
    })
    expect(await runner.finalContent()).toContain('sunny')
    expect(asked).toEqual([weather])
  })

  it('parses structured output', async () => {
    const { choices } = await sdk().chat.completions.parse({
      model: 'm',
      messages,
      response_format: zodResponseFormat(z.object({ city: z.string() }), 'place'),
    })
    expect(choices[0]?.message.parsed).toEqual(weather)
  })

  it('completes a text, whole and streamed', async () => {
    const request = { model: 'm', prompt }
    const whole = await sdk().completions.create(request)
    let text = ''
    for await (const { choices } of await sdk().completions.create({ ...request, stream: true })) {
      text += choices[0]?.text ?? ''
    }
    expect(text).toContain(numbers)
    expect(whole.choices[0]?.text).toBe(text)
  })

  it('gets log probabilities', async () => {
    const { choices } = await sdk().chat.completions.create({
      ...{ model: 'm', messages, logprobs: true, top_logprobs: 2 },
    })
    expect(choices[0]?.logprobs?.content?.length).toBeGreaterThan(5)
  })
})

describe.each(ways)('ai, %s', (_, way) => {
  const provider = { name: 'skein', includeUsage: true, supportsStructuredOutputs: true }
  const model = () => createOpenAICompatible({ ...provider, ...way() })('m')
  const tools = {
    weather: tool({
      description: 'The weather in a city.',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => `sunny in ${city}`,
    }),
  }

  it('generates a text, and streams one', async () => {
    const whole = await generateText({ model: model(), prompt, maxRetries: 0 })
    const stream = streamText({ model: model(), prompt, maxRetries: 0 })
    let text = ''
    for await (const delta of stream.textStream) text += delta
    expect(text).toContain(numbers)
    expect(whole.text).toBe(text)
    expect((await stream.usage).outputTokens).toBeGreaterThan(0)
  })

  it('runs tools', async () => {
    const { text } = await generateText({
      ...{ model: model(), prompt, tools, maxRetries: 0, stopWhen: stepCountIs(3) },
    })
    expect(text).toContain('sunny in Oslo')
  })

  it('generates an object of a schema', async () => {
    const schema = z.object({ city: z.string() })
    const { object } = await generateObject({ model: model(), prompt, schema, maxRetries: 0 })
    expect(object).toEqual(weather)
  })

  it('embeds, one and many', async () => {
    const embedder = createOpenAICompatible({ ...provider, ...way() }).textEmbeddingModel('m')
    const { embeddings } = await embedMany({ model: embedder, values: ['one', 'two'] })
    expect(embeddings).toHaveLength(2)
    expect(embeddings[0]).not.toEqual(embeddings[1])
  })

  it('throws failures', async () => {
    const other = createOpenAICompatible({ ...provider, ...way() })('other')
    const asked = generateText({ model: other, prompt, maxRetries: 0 })
    await expect(asked).rejects.toMatchObject({ statusCode: 404 })
  })
})

describe('@langchain/openai', () => {
  const init = () => ({
    model: 'm',
    apiKey: 'none',
    maxRetries: 0,
    configuration: { baseURL: `${server.url}/v1`, fetch: checks.over(fetch) },
  })

  it('invokes, streams and binds tools', async () => {
    const model = new ChatOpenAI(init())
    const whole = await model.invoke([new HumanMessage(prompt)])
    let text = ''
    for await (const chunk of await model.stream(prompt)) text += chunk.text
    expect(text).toContain(numbers)
    expect(whole.text).toBe(text)
    const bound = model.bindTools([
      { type: 'function', function: { name: 'weather', parameters: { type: 'object' } } },
    ])
    const { tool_calls: calls } = await bound.invoke(prompt)
    expect(calls).toMatchObject([{ name: 'weather', args: weather }])
  })

  it('embeds', async () => {
    const embeddings = new OpenAIEmbeddings(init())
    const vectors = await embeddings.embedDocuments(['one', 'two'])
    expect(vectors).toHaveLength(2)
    expect(vectors[0]?.length).toBeGreaterThan(0)
  })
})

it('has compared whole answers, pieces and embeddings with the types of the SDK', () => {
  for (const name of ['Chat', 'ChatChunk', 'Completion', 'CompletionChunk', 'Embeddings']) {
    expect(checks.compared.get(name), name).toBeGreaterThan(0)
  }
})
