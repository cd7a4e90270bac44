import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { platform } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ScriptedBackend } from '../../../backend/index.ts'
import { type GatewayServer, serveGateway } from '../../../gateway/index.ts'
import { InferenceError } from '../../../protocol/index.ts'
import { createSandbox } from '../../../testing/cli/index.ts'
import { LiveSwarm } from '../../../testing/swarms/live-swarm.ts'

vi.setConfig({ testTimeout: 150_000 })

/** About 45 MB as events: far more than all buffers on the way. */
const NUMBERS = 100_000
const TOKENS = 2 * NUMBERS

/** Buffers of four connections and what was shown of four answers, whose events have 180 MB. */
const MAX_GROWTH_BYTES = 220_000_000

let swarm: LiveSwarm
let server: GatewayServer
let engine: ScriptedBackend

beforeEach(async () => {
  swarm = await LiveSwarm.create()
  engine = (await swarm.node({ models: [{ id: 'm', contextLength: 10 * TOKENS }] })).backend
  server = await serveGateway(await swarm.client(), { port: 0, drainMs: 100 })
})
afterEach(async () => {
  await server.close()
  await swarm[Symbol.asyncDispose]()
})

/** Requests a stream and does not read it. */
async function askAndWait(url: string, headers = ''): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  onTestFinished(() => void socket.destroy())
  socket.pause()
  await once(socket, 'connect')
  const body = JSON.stringify({
    model: 'm',
    stream: true,
    messages: [{ role: 'user', content: `Count from 1 to ${NUMBERS}.` }],
  })
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`,
  )
  return socket
}

/** Bytes written for all callers together. */
const tokens = (): number => engine.calls.reduce((sum, call) => sum + call.tokens, 0)

/** Resolves once the engine has written to so many callers, and then stood still for a second. */
async function standstill(callers = 1): Promise<number> {
  let before = -1
  for (let looks = 0; looks < 100; looks += 1) {
    const now = tokens()
    const started = engine.calls.filter((call) => call.tokens > 0).length
    if (started === callers && now === before) return now
    before = now
    await wait(1_000)
  }
  throw new Error(`the engine did not stop: ${before} tokens`)
}

describe('a caller who reads a byte a second', () => {
  it('stops the engine', async () => {
    const socket = await askAndWait(server.url)
    const stopped = await standstill()
    expect(stopped).toBeLessThan(TOKENS / 4)
    for (let seconds = 0; seconds < 3; seconds += 1) {
      socket.read(1)
      await wait(1_000)
    }
    expect(tokens()).toBeLessThan(stopped + TOKENS / 50)
    socket.destroy()
    await engine.idle()
  })

  it.runIf(platform() === 'linux')('takes no more memory of the gateway than others', async () => {
    const sandbox = await createSandbox()
    onTestFinished(() => sandbox.close())
    const join = swarm.addresses.flatMap((address) => ['--bootstrap', address])
    const command = ['gateway', '--json', '--port', '0', ...join]
    // Collect garbage first, so that only memory in use is measured.
    const gateway = sandbox.start(command, { NODE_OPTIONS: '--max-old-space-size=128' })
    const { url } = await gateway.event('ready')
    // The first request loads code, which is not measured.
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const before = await residentBytes(gateway.pid)
    const readers = await Promise.all(Array.from({ length: 4 }, () => askAndWait(url)))
    expect(await standstill(readers.length)).toBeLessThan((readers.length * TOKENS) / 4)
    const filled = await residentBytes(gateway.pid)
    expect(filled - before).toBeLessThan(MAX_GROWTH_BYTES)
    await wait(2_000)
    expect((await residentBytes(gateway.pid)) - filled).toBeLessThan(MAX_GROWTH_BYTES / 10)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    for (const socket of readers) socket.destroy()
    await engine.idle()
  })

  it('gets more once it reads on', async () => {
    const socket = await askAndWait(server.url)
    const stopped = await standstill()
    socket.resume()
    await vi.waitFor(() => expect(tokens()).toBeGreaterThan(stopped + 10_000), { timeout: 20_000 })
    socket.destroy()
    await engine.idle()
  })

  it('does not hold the peer for longer than its request may take', async () => {
    await askAndWait(server.url, 'x-skein-timeout-ms: 3000\r\n')
    await vi.waitFor(() => expect(engine.active).toBe(1), { timeout: 20_000 })
    await vi.waitFor(() => expect(engine.active).toBe(0), { timeout: 20_000 })
    expect(tokens()).toBeLessThan(TOKENS / 4)
  })
})

/** Resident memory of another process, as counted by the kernel. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024
}

describe('an SDK with its own retries', () => {
  it('does not multiply the retries of the network', async () => {
    const error = new InferenceError('engine_failed', 'told to')
    const down = await LiveSwarm.create()
    onTestFinished(() => down[Symbol.asyncDispose]())
    const script = () => ({ fault: { type: 'throw', error } as const })
    const engines = [await down.node({ script }), await down.node({ script })]
    const client = await down.client({ maxAttempts: 2, policy: 'single' })
    await vi.waitFor(async () => expect(await client.peers()).toHaveLength(2), { timeout: 30_000 })
    await using broken = await serveGateway(client, { port: 0 })
    const openai = new OpenAI({ apiKey: 'none', baseURL: `${broken.url}/v1`, maxRetries: 5 })
    for (let request = 0; request < 3; request += 1) {
      const messages = [{ role: 'user' as const, content: `Count from ${request} to 9.` }]
      await expect(openai.chat.completions.create({ model: 'm', messages })).rejects.toMatchObject({
        status: 502,
      })
    }
    const asked = engines.reduce((sum, { backend }) => sum + backend.calls.length, 0)
    expect(asked).toBeLessThanOrEqual(3 * 2)
  })
})
