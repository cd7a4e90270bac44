import { rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import {
  type CliCommand,
  type CliEvent,
  createSandbox,
  LOOPBACK,
  type Sandbox,
} from '../../testing/cli/index.ts'
import { startOllamaWire } from '../../testing/engines/ollama-wire.ts'

// Whole processes on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 })

interface Provider extends AsyncDisposable {
  readonly url: string
  /** Resolves with the open answer of the next streamed request. */
  next(): Promise<ServerResponse>
}

/** A provider whose answers the test writes. */
async function createProvider(): Promise<Provider> {
  const waiting: ((answer: ServerResponse) => void)[] = []
  const server = createServer((request, answer) => {
    request.resume().on('end', () => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' })
      waiting.shift()?.(answer)
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function chunk(content: string, finish: string | null = null): string {
  const choices = [{ index: 0, delta: { content }, finish_reason: finish }]
  return `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices })}\n\n`
}

function end(answer: ServerResponse, content: string): void {
  answer.end(`${chunk(content)}${chunk('', 'stop')}data: [DONE]\n\n`)
}

const messages = [{ role: 'user' as const, content: 'Hi' }]

let sandbox: Sandbox
let config: string
beforeAll(async () => {
  sandbox = await createSandbox()
  config = join(sandbox.home, 'skein.yaml')
})
afterAll(() => sandbox.close())

const command = (): string[] => {
  return ['gateway', '--json', '--port', '0', '--config', config, ...LOOPBACK]
}

async function sdkOf(gateway: CliCommand): Promise<OpenAI> {
  const { url } = await gateway.event('ready')
  return new OpenAI({ apiKey: 'none', baseURL: `${url}/v1`, maxRetries: 0 })
}

interface ReloadEvent extends CliEvent {
  readonly applied: readonly string[]
  readonly needRestart: readonly string[]
  readonly field: string
  readonly line: number
}

/** The nth event of this name. */
async function nth(gateway: CliCommand, name: string, count: number): Promise<ReloadEvent> {
  await gateway.seen(new RegExp(`(?:"event":"${name}"[^]*){${count}}\\n`))
  const events = gateway
    .stdout()
    .split('\n')
    .filter((line) => line.includes(`"event":"${name}"`))
  return JSON.parse(events[count - 1] ?? '') as ReloadEvent
}

describe('a gateway whose configuration changes', () => {
  it('takes over providers, aliases and limits while a stream runs, which ends whole', async () => {
    await using one = await createProvider()
    await using two = await createProvider()
    const yaml = (url: string, alias: string, more = ''): string =>
      `gateway:\n  provider:\n    cloud: ${url}\n  alias:\n    best: ${alias}\n${more}`
    await writeFile(config, yaml(one.url, 'cloud/small'))
    const gateway = sandbox.start(command())
    const sdk = await sdkOf(gateway)
    const asked = one.next()
    const streaming = sdk.chat.completions.create({ model: 'best', messages, stream: true })
    const open = await asked
    open.write(chunk('first '))
    const stream = await streaming

    await writeFile(
      config,
      yaml(two.url, 'cloud/big', '  requests-per-minute: 1\n  canaries: off\n'),
    )
    gateway.child.kill('SIGHUP')
    expect(await nth(gateway, 'reloaded', 1)).toMatchObject({
      applied: ['provider', 'alias', 'requests-per-minute'],
      needRestart: ['canaries'],
    })

    const second = two.next()
    const later = sdk.chat.completions.create({ model: 'best', messages, stream: true })
    end(await second, 'from the new provider')
    let text = ''
    for await (const { choices } of await later) text += choices[0]?.delta.content ?? ''
    expect(text).toBe('from the new provider')
    await expect(sdk.chat.completions.create({ model: 'best', messages })).rejects.toMatchObject({
      status: 429,
    })

    end(open, 'last')
    let whole = ''
    for await (const { choices } of stream) whole += choices[0]?.delta.content ?? ''
    expect(whole).toBe('first last')
    gateway.child.kill('SIGTERM')
    const { exitCode, stderr } = await gateway.finished
    expect(exitCode).toBe(0)
    expect(stderr).toContain('After a restart: canaries.')
  })

  it('changes nothing for a file that it cannot use, and names line and field', async () => {
    await using cloud = await createProvider()
    const good = `gateway:\n  provider:\n    cloud: ${cloud.url}\n  alias:\n    best: cloud/small\n`
    await writeFile(config, good)
    const gateway = sandbox.startHere([...command(), '--watch'])
    const sdk = await sdkOf(gateway)
    const names = async (): Promise<string[]> => (await sdk.models.list()).data.map(({ id }) => id)
    const before = await names()
    expect(before).toContain('best')
    for (const [index, [yaml, line, field, why]] of (
      [
        [`${good}  requests-per-minute: many\n`, 6, 'gateway.requests-per-minute', 'whole number'],
        [`${good}  requests-per-hour: 1\n`, 6, 'gateway.requests-per-hour', 'does not have'],
        // Valid each by itself: found when they are put in force, and what came before is undone.
        ['gateway:\n  alias: { best: worst, worst: best }\n', undefined, 'alias', 'circular'],
        ['gateway: [', 1, undefined, ''],
        // A save that was cut short lifts no limit and no access list.
        ['# nothing\n', undefined, undefined, 'empty'],
      ] as const
    ).entries()) {
      await writeFile(config, yaml)
      const failed = await nth(gateway, 'reload_failed', index + 1)
      expect(failed).toMatchObject({
        ...(line !== undefined && { line }),
        ...(field !== undefined && { field }),
        message: expect.stringContaining(why),
      })
      expect(failed.message).toContain(config)
      expect(await names()).toEqual(before)
    }
    await rm(config)
    expect((await nth(gateway, 'reload_failed', 6)).message).toContain('gone')
    expect(await names()).toEqual(before)
    await writeFile(config, good.replace('best', 'better'))
    expect(await nth(gateway, 'reloaded', 1)).toMatchObject({ applied: ['alias'] })
    expect(await names()).toContain('better')
    gateway.interrupt('SIGTERM')
    await gateway.finished
  })
})

describe('a node whose configuration changes', () => {
  it('shares other models within other limits, and says what needs a restart', async () => {
    await using engine = createScriptedBackend({ models: [{ id: 'a' }, { id: 'b' }] })
    await using wire = await startOllamaWire(engine)
    await writeFile(config, 'node:\n  share: a\n')
    const options = ['--http-port', '0', '--config', config, ...LOOPBACK]
    const node = sandbox.startHere([
      'node',
      '--json',
      '--backend',
      wire.baseUrl,
      '--watch',
      ...options,
    ])
    const { monitor } = (await node.event('ready')) as CliEvent & { readonly monitor: string }
    const shared = async (): Promise<string[]> => {
      const text = await (await fetch(`${monitor}/metrics`)).text()
      const series = text.matchAll(/^skein_model_peers\{gen_ai_request_model="(\w+)"\}/gm)
      return Array.from(series, ([, model = '']) => model)
    }
    expect(await shared()).toEqual(['a'])
    await writeFile(config, 'node:\n  share: c\n')
    const failed = await nth(node, 'reload_failed', 1)
    expect(failed).toMatchObject({ field: 'share', message: expect.stringContaining('c') })
    expect(await shared()).toEqual(['a'])
    await writeFile(config, 'node:\n  share: b\n  max-queue: 3\n  slots: 2\n')
    expect(await nth(node, 'reloaded', 1)).toMatchObject({
      applied: ['share', 'max-queue'],
      needRestart: ['slots'],
    })
    expect(await shared()).toEqual(['b'])
    node.interrupt('SIGTERM')
    expect((await node.finished).exitCode).toBe(0)
  })
})
