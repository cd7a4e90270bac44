import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createSandbox, LOOPBACK, type Sandbox } from '../../testing/cli/index.ts'

// Whole processes on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 })

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await createSandbox()
})
afterAll(() => sandbox.close())

it('a provider of the environment is asked through its proxy, one on this machine directly, and usage is counted', async () => {
  const answered: string[] = []
  const provider = createServer((asked, answer) => {
    answered.push(`${asked.headers.host} ${asked.headers.authorization}`)
    const choices = [
      { index: 0, message: { role: 'assistant', content: 'Hello!' }, finish_reason: 'stop' },
    ]
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
    asked.resume().on('end', () => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' })
      const deltas = choices.map(({ message, ...choice }) => ({ ...choice, delta: message }))
      const head = { id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm' }
      answer.write(`data: ${JSON.stringify({ ...head, choices: deltas })}\n\n`)
      answer.end(`data: ${JSON.stringify({ ...head, choices: [], usage })}\n\ndata: [DONE]\n\n`)
    })
  }).listen(0, '127.0.0.1')
  const proxied: string[] = []
  // Plain HTTP goes through a proxy as a request for a whole URL; TLS would need a tunnel.
  const proxy = createServer((asked, answer) => {
    const { host, pathname } = new URL(asked.url ?? '')
    proxied.push(host)
    const { port } = provider.address() as AddressInfo
    const { method = 'GET', headers } = asked
    const there = request({ host: '127.0.0.1', port, path: pathname, method, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(answer)
    })
    there.on('error', () => answer.destroy())
    asked.pipe(there)
  }).listen(0, '127.0.0.1')
  await Promise.all(
    [provider, proxy].map((one) => new Promise((done) => one.once('listening', done))),
  )
  const local = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`
  const options = ['--json', '--port', '0', '--providers', 'env', '--provider', `local=${local}`]
  const gateway = sandbox.start(['gateway', ...options, ...LOOPBACK], {
    OPENAI_API_KEY: 'sk-from-the-environment',
    OPENAI_BASE_URL: 'http://cloud.example/v1',
    HTTP_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
  })
  const { url } = await gateway.event('ready')
  const sdk = new OpenAI({ apiKey: 'none', baseURL: `${url}/v1`, maxRetries: 0 })
  const messages = [{ role: 'user' as const, content: 'Hi' }]
  for (const model of ['openai/m', 'local/m']) {
    const { choices } = await sdk.chat.completions.create({ model, messages })
    expect(choices[0]?.message.content).toBe('Hello!')
  }
  expect(proxied).toEqual(['cloud.example'])
  expect(answered).toEqual([
    'cloud.example Bearer sk-from-the-environment',
    expect.stringMatching(/^127\.0\.0\.1:\d+ undefined$/),
  ])
  gateway.child.kill('SIGTERM')
  const { stderr } = await gateway.finished
  expect(stderr).not.toContain('sk-from-the-environment')
  const usage = await sandbox.runHere(['gateway', 'usage', '--json'])
  expect(usage.events()).toEqual(
    ['local/m', 'openai/m'].map((model) =>
      expect.objectContaining({ model, requests: 1, promptTokens: 3, completionTokens: 2 }),
    ),
  )
  for (const server of [provider, proxy]) {
    server.closeAllConnections()
    server.close()
  }
})
