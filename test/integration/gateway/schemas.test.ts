import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { AnswerChecks } from '../../../testing/answer-checks.ts'
import { prompt, ToolSwarm } from './tool-swarm.ts'

let swarm: ToolSwarm
let checks: AnswerChecks

beforeAll(async () => {
  checks = new AnswerChecks()
  swarm = await ToolSwarm.create()
})
afterAll(async () => {
  await swarm[Symbol.asyncDispose]()
})
afterEach(() => {
  checks.compared.clear()
  expect(checks.violations.splice(0)).toEqual([])
})

async function post(path: string, body: object): Promise<Response> {
  const response = await checks.over(fetch)(`${swarm.url}${path}`, {
    method: 'POST',
    body: JSON.stringify({ model: 'm', ...body }),
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
  })
  await response.text()
  return response
}

const parameters = { type: 'object', properties: { city: { type: 'string' } } }
const said = (content: string) => [{ role: 'user', content }]
const thoughtful = `Think. ${prompt}`

describe.each([false, true])('streamed: %s', (stream) => {
  const chatTools = [{ type: 'function', function: { name: 'weather', parameters } }]

  it.each([
    ['a chat', { messages: said(prompt) }],
    ['tool calls', { messages: said(prompt), tools: chatTools }],
    ['reasoning', { messages: said(thoughtful) }],
    ['log probabilities', { messages: said(prompt), logprobs: true, top_logprobs: 2 }],
  ])('/v1/chat/completions has the form of the schema: %s', async (_, body) => {
    expect((await post('/v1/chat/completions', { ...body, stream })).status).toBe(200)
    expect(checks.compared.get(stream ? 'ChatChunk' : 'Chat')).toBeGreaterThan(0)
  })

  it.each([
    ['a text', { input: prompt }],
    ['tool calls', { input: prompt, tools: [{ type: 'function', name: 'weather', parameters }] }],
    ['reasoning', { input: thoughtful }],
    [
      'a JSON schema',
      { input: prompt, text: { format: { type: 'json_schema', name: 'a', schema: parameters } } },
    ],
    ['an answer that is cut', { input: prompt, max_output_tokens: 16 }],
  ])('/v1/responses has the form of the schema: %s', async (_, body) => {
    expect((await post('/v1/responses', { ...body, stream })).status).toBe(200)
    expect(checks.compared.get(stream ? 'ResponseEvent' : 'Response')).toBeGreaterThan(0)
  })

  it.each([
    ['a text', { messages: said(prompt) }],
    [
      'tool use',
      { messages: said(prompt), tools: [{ name: 'weather', input_schema: parameters }] },
    ],
    ['an answer that is cut', { messages: said(prompt), max_tokens: 3 }],
    ['a stop sequence', { messages: said(prompt), stop_sequences: [', 5'] }],
  ])('/v1/messages has the form of the schema: %s', async (_, body) => {
    const answer = await post('/v1/messages', { max_tokens: 500, ...body, stream })
    expect(answer.status).toBe(200)
    expect(checks.compared.get(stream ? 'MessageEvent' : 'Message')).toBeGreaterThan(0)
  })

  it.each([
    ['/v1/chat/completions', 'Failure', (how: 'at once') => ({ messages: swarm.failing(how) })],
    ['/v1/responses', 'Failure', (how: 'at once') => ({ input: swarm.failing(how) })],
    [
      '/v1/messages',
      'MessageFailure',
      (how: 'at once') => ({ messages: swarm.failing(how), max_tokens: 500 }),
    ],
  ] as const)('%s tells failures in the form of the schema', async (path, schema, bodyOf) => {
    expect((await post(path, { ...bodyOf('at once'), stream })).ok).toBe(false)
    expect(checks.compared.get(schema)).toBe(1)
  })
})
