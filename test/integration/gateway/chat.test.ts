import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type GatewayServer, serveGateway } from '../../../gateway/index.ts'
import { LiveSwarm } from '../../fixtures/live-swarm.ts'

const messages = [{ role: 'user', content: 'Count from 1 to 20.' }] as const
const numbers = Array.from({ length: 20 }, (_, i) => i + 1).join(', ')

let swarm: LiveSwarm
let server: GatewayServer
let openai: OpenAI

beforeEach(async () => {
  swarm = await LiveSwarm.create()
  await swarm.node()
  server = await serveGateway(await swarm.client(), { port: 0 })
  openai = new OpenAI({ apiKey: 'none', baseURL: `${server.url}/v1`, maxRetries: 0 })
})
afterEach(async () => {
  await server.close()
  await swarm[Symbol.asyncDispose]()
})

describe('chats over HTTP', () => {
  it('answers the official SDK', async () => {
    const { data, response } = await openai.chat.completions
      .create({ model: 'm', messages: [...messages] })
      .withResponse()
    expect(data.choices[0]?.message.content).toContain(numbers)
    expect(data).not.toHaveProperty('skein')
    expect(response.headers.get('x-skein-attempts')).toBe('1')
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
  })

  it('streams to the official SDK, and tells the usage where it is asked for', async () => {
    const stream = await openai.chat.completions.create({
      model: 'm',
      messages: [...messages],
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    const usages: unknown[] = []
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      usages.push(chunk.usage)
    }
    expect(text).toContain(numbers)
    expect(usages.at(-1)).toMatchObject({ completion_tokens: expect.any(Number) })
    expect(new Set(usages.slice(0, -1))).toEqual(new Set([null]))
  })

  it('names the field that it does not take', async () => {
    const request = openai.chat.completions.create({
      model: 'm',
      messages: [...messages],
      // @ts-expect-error it steers an engine
      num_ctx: 4_096,
    })
    await expect(request).rejects.toMatchObject({
      status: 400,
      code: 'invalid_request',
      param: 'num_ctx',
    })
  })
})
