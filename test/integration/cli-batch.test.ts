import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type CliProcess, createSandbox, LOOPBACK, type Sandbox } from '../../testing/cli/index.ts'

// Whole processes on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const REQUESTS = 60

let sandbox: Sandbox
let bootstrap: readonly string[] = []

const lineOf = (index: number, body: object = {}): string =>
  JSON.stringify({
    custom_id: `chat-${index}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: {
      model: 'skein-tiny',
      temperature: 0,
      messages: [{ role: 'user', content: `Count from 1 to ${(index % 20) + 2}.` }],
      ...body,
    },
  })
const INPUT = Array.from({ length: REQUESTS }, (_, index) => lineOf(index)).join('\n')

const counted = (last: number): string =>
  `${Array.from({ length: last }, (_, index) => index + 1).join(', ')}.`

interface ResultLine {
  readonly custom_id: string
  readonly response: {
    readonly body: {
      readonly choices: readonly { readonly message: { readonly content: string } }[]
    }
  }
}

/** Each request has its own answer, once. */
function expectAllAnswered(text: string): void {
  const lines = text.trimEnd().split('\n')
  const answers = lines.map((line) => JSON.parse(line) as ResultLine)
  const texts = new Map(
    answers.map((one) => [one.custom_id, one.response.body.choices[0]?.message.content]),
  )
  expect(answers).toHaveLength(REQUESTS)
  for (let index = 0; index < REQUESTS; index++) {
    expect(texts.get(`chat-${index}`)).toBe(counted((index % 20) + 2))
  }
}

beforeAll(async () => {
  sandbox = await createSandbox()
  const engine = ['--backend', 'embedded', '--max-tokens-per-second', '400']
  const node = sandbox.startHere(['node', '--json', ...engine, ...LOOPBACK])
  const ready = await node.event('ready')
  bootstrap = ['--bootstrap', ready.addresses[0] ?? '']
})

afterAll(() => sandbox.close())

async function startGateway(): Promise<{ gateway: CliProcess; openai: OpenAI }> {
  const gateway = sandbox.start(['gateway', '--json', '--port', '0', ...bootstrap])
  const { url } = await gateway.event('ready')
  return { gateway, openai: new OpenAI({ apiKey: 'none', baseURL: `${url}/v1`, maxRetries: 2 }) }
}

describe('a batch', () => {
  it('outlasts SIGKILL of the gateway: the next one finishes it', async () => {
    const first = await startGateway()
    const file = await toFile(Buffer.from(INPUT), 'in.jsonl')
    const { id: input_file_id } = await first.openai.files.create({ file, purpose: 'batch' })
    const { id } = await first.openai.batches.create({
      input_file_id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    })
    const wait = { timeout: 60_000, interval: 50 }
    await vi.waitFor(async () => {
      const { request_counts } = await first.openai.batches.retrieve(id)
      expect(request_counts?.completed).toBeGreaterThan(5)
    }, wait)
    first.gateway.child.kill('SIGKILL')
    await first.gateway.finished
    const { openai, gateway } = await startGateway()
    const batch = await vi.waitFor(async () => {
      const found = await openai.batches.retrieve(id)
      expect(found.status).toBe('completed')
      return found
    }, wait)
    expectAllAnswered(await (await openai.files.content(batch.output_file_id ?? '')).text())
    gateway.child.kill('SIGTERM')
    expect((await gateway.finished).exitCode).toBe(0)
  })
})

describe('skein batch run', () => {
  it('continues where it was interrupted', async () => {
    const path = join(sandbox.home, 'questions.jsonl')
    await writeFile(path, INPUT)
    const command = ['batch', 'run', path, '--json', ...bootstrap]
    const first = sandbox.start(command)
    await first.seen(/(.*"event":"result".*\n){5}/)
    first.child.kill('SIGINT')
    expect((await first.finished).exitCode).toBe(130)
    const second = await sandbox.runHere(command)
    expect(second).toMatchObject({ exitCode: 0 })
    expect(second.stderr).toMatch(new RegExp(`\\d+ of ${REQUESTS} requests already have an answer`))
    expectAllAnswered(await readFile(join(sandbox.home, 'questions.results.jsonl'), 'utf8'))
  })

  it('reports invalid lines and failed requests', async () => {
    const path = join(sandbox.home, 'wrong.jsonl')
    await writeFile(path, [lineOf(1), '{"custom_id": 7}'].join('\n'))
    const wrong = await sandbox.runHere(['batch', 'run', path, ...bootstrap])
    expect(wrong.exitCode).toBe(2)
    expect(wrong.stderr).toContain('line 2: custom_id')
    await writeFile(path, [lineOf(1), lineOf(2, { num_ctx: 1 })].join('\n'))
    const failed = await sandbox.runHere(['batch', 'run', path, ...bootstrap])
    expect(failed.exitCode).toBe(8)
    expect(failed.stdout).toContain('1 of 2 answered')
    const errors = await readFile(join(sandbox.home, 'wrong.results.errors.jsonl'), 'utf8')
    expect(errors).toContain('num_ctx')
  })
})
