import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import {
  createScriptedBackend,
  type ScriptedBackend,
  type ScriptedInit,
} from '../../backend/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import { startOllamaWire } from '../../testing/engines/ollama-wire.ts'
import type { ExampleRun } from '../../testing/run-examples.ts'
import { LiveSwarm } from '../../testing/swarms/live-swarm.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const PEERS = 3

/** What each example printed, by its name. All of them run in one child process. */
const printed = new Map<string, string[]>()
let exitCode: unknown
let fromOllama: string | null | undefined

beforeAll(async () => {
  await using stack = new AsyncDisposableStack()
  const swarm = stack.use(await LiveSwarm.create())
  const engines: ScriptedBackend[] = []
  for (let peer = 0; peer < PEERS; peer += 1) {
    engines.push((await swarm.node(countingEngine(engines))).backend)
  }
  const engine = stack.use(createScriptedBackend({ models: [{ id: 'ollama-model' }] }))
  const ollama = stack.use(await startOllamaWire(engine))

  const args = swarm.addresses
  const runs: readonly ExampleRun[] = [
    { name: 'ask', args },
    { name: 'stream-with-resume', args },
    { name: 'openai-sdk', args },
    { name: 'batch', args },
    { name: 'private-swarm', args: [] },
    { name: 'node-over-ollama', args: [ollama.baseUrl, ...args] },
  ]
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const child = spawn(
    process.execPath,
    [
      '--import',
      here('../../examples/skein-from-source.ts'),
      here('../../testing/run-examples.ts'),
      ...runs.map((run) => JSON.stringify(run)),
    ],
    { env: { PATH, NODE_COMPILE_CACHE, SKEIN_MDNS: '0' }, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  stack.defer(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  let lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    const [, name] = /^== (.+)$/.exec(line) ?? []
    if (name === undefined) {
      lines.push(line)
    } else {
      lines = []
      printed.set(name, lines)
    }
    if (!line.startsWith('sharing ollama-model')) continue
    const client = await swarm.client({ connectTimeoutMs: 50_000, lookupTimeoutMs: 50_000 })
    const messages = [{ role: 'user', content: 'Good evening!' }] as const
    const { choices } = await client.chat({ model: 'ollama-model', messages })
    fromOllama = choices[0]?.message.content
    child.kill('SIGTERM')
  }
  ;[exitCode] = (await exited) as unknown[]
})

const numbers = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index)).join(', ')

/** Counts as asked, on every peer alike. Answers to 30 break off after 12 tokens until one has: a hedge may run beside it. */
function countingEngine(engines: readonly ScriptedBackend[]): ScriptedInit {
  const isUnbroken = (): boolean =>
    engines.every(({ calls }) => calls.every(({ outcome }) => outcome !== 'failed'))
  return {
    models: [{ id: 'skein-tiny', digest: `sha256:${'7'.repeat(64)}` }],
    script(request) {
      const [, to] = /Count from 1 to (\d+)/.exec(JSON.stringify(request.body)) ?? []
      if (to === undefined) return undefined
      const script = { answer: numbers(1, Number(to)) }
      if (to !== '30' || !isUnbroken()) return script
      const error = new InferenceError('engine_failed', 'lost power')
      return { ...script, fault: { type: 'throw', error, afterTokens: 12 } }
    },
  }
}

it('runs every example to its end', async () => {
  const files = await readdir(here('../../examples'))
  const names = files.map((file) => file.replace(/\.ts$/, ''))
  const others = ['README.md', 'skein-from-source']
  expect(new Set([...printed.keys(), ...others])).toEqual(new Set([...names, 'end']))
  expect(exitCode).toBe(0)
})

it('asks, and names the peer and the attempts', () => {
  const [answer, served, ...attempts] = printed.get('ask') ?? []
  expect(answer).toBe(numbers(1, 10))
  expect(served).toMatch(/^answered by 12D3Koo\w+, \d+ tokens$/)
  expect(attempts).toContainEqual(expect.stringMatching(/^ {2}\w+: 12D3Koo\w+ answered$/))
})

it('resumes a stream at another peer with no token lost or doubled', () => {
  const [answer, ...attempts] = printed.get('stream-with-resume') ?? []
  expect(answer).toBe(numbers(1, 30))
  expect(attempts).toContainEqual(
    expect.stringMatching(/^\w+: 12D3Koo\w+ engine_failed, \d+ tokens$/),
  )
  expect(attempts).toContainEqual(expect.stringMatching(/^\w+: 12D3Koo\w+ answered, \d+ tokens$/))
})

it('streams through the OpenAI SDK', () => {
  expect(printed.get('openai-sdk')).toEqual([numbers(1, 10)])
})

it('gives a batch one result for each request, in order', () => {
  expect(printed.get('batch')).toEqual([
    ...Array.from({ length: 20 }, (_, n) =>
      expect.stringMatching(new RegExp(`^count-${n + 1}: \\d+ tokens$`)),
    ),
    '0 failed',
  ])
})

it('keeps those without the key out of a private swarm', () => {
  expect(printed.get('private-swarm')).toEqual(['member: Good morning!', 'stranger: not joined'])
})

it('shares an Ollama until SIGTERM', () => {
  expect(fromOllama).toBe('Good evening!')
  const [shared, ...lines] = printed.get('node-over-ollama') ?? []
  expect(shared).toMatch(/^sharing ollama-model as 12D3Koo\w+$/)
  expect(lines).toContain('chat: answered')
  expect(lines.at(-1)).toBe('drained')
})
