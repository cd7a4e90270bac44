import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { GATEWAY_LIMITS } from '../../../gateway/defaults.ts'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import { createGateway } from '../../../gateway/index.ts'
import { closeIdleSockets } from '../../../gateway/server/idle-sockets.ts'

const client = {
  names: { providers: ['p'], aliases: ['m'] },
  models: async () => [],
  observe: () => () => {},
} as unknown as GatewayClient

async function answerOf(request: Request, init = {}): Promise<{ status: number; message: string }> {
  const response = await createGateway(client, init).fetch(request)
  const { error } = (await response.json()) as { error?: { message: string } }
  return { status: response.status, message: error?.message ?? '' }
}

describe('a request that names two hosts', () => {
  const to = (url: string, headers: Record<string, string>): Request => {
    const request = new Request(url, { method: 'POST', headers, body: '{}' })
    return request
  }
  const init = { allowedHosts: ['gate.example'] }

  it.each([
    ['another in its URL', 'http://evil.example/v1/embeddings', '127.0.0.1:4810'],
    ['another in its header', 'http://127.0.0.1:4810/v1/embeddings', 'evil.example'],
  ])('is refused with %s', async (_, url, host) => {
    expect(await answerOf(to(url, { host }), init)).toMatchObject({
      status: 421,
      message: expect.stringMatching(/evil\.example/),
    })
  })

  it('is not same-origin with the host in its URL', async () => {
    const headers = { host: '127.0.0.1:4810', origin: 'http://127.0.0.1:1' }
    expect(await answerOf(to('http://127.0.0.1:1/v1/embeddings', headers), init)).toMatchObject({
      status: 401,
      message: expect.stringMatching(/pages of/),
    })
  })
})

describe('a body that is costly to read', () => {
  const post = (path: string, body: string): Request =>
    new Request(`http://x${path}`, { method: 'POST', body })
  const many = (piece: string, count: number): string => Array(count).fill(piece).join()

  it.each([
    [
      '/v1/chat/completions',
      `{"model":"m","messages":[${many('{"role":"usr","content":1}', 480_000)}]}`,
    ],
    [
      '/v1/messages',
      `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[${many('{"type":"text","tex":"a"}', 20_000)}]}]}`,
    ],
    [
      '/v1/responses',
      `{"model":"m","input":[${many('{"type":"message","role":"user"}', 20_000)}]}`,
    ],
    ['/api/chat', `{"model":"m","messages":[${many('{"role":"usr"}', 20_000)}]}`],
    [
      '/api/chat',
      `{"model":"m","messages":[],"keep_alive":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`,
    ],
    ['/v1/embeddings', `{"model":"m","input":[${many('"a"', 2_000_000)}]}`],
  ])('is refused at %s', async (path, body) => {
    expect((await answerOf(post(path, body))).status).toBe(400)
  })

  it.each([
    ['without', {}],
    ['with', { 'content-length': '16000000' }],
  ])('is refused before its rest is sent, %s an announced length', async (_, headers) => {
    let sent = 0
    let isCancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1
        controller.enqueue(Buffer.from(sent === 1 ? '[' : many('[]', 20_000)))
      },
      cancel: () => {
        isCancelled = true
      },
    })
    const init = { method: 'POST', headers, body, duplex: 'half' }
    const request = new Request('http://x/v1/chat/completions', init as RequestInit)
    expect(await answerOf(request)).toMatchObject({ status: 400 })
    expect(isCancelled).toBe(true)
    // 16 MB would be some 260 of these pieces.
    expect(sent).toBeLessThan(100)
  })

  it.each([
    ['/v1/chat/completions', 'application/json'],
    ['/v1/files', 'multipart/form-data; boundary=x'],
  ])('is refused in chunks of a byte: %s', async (path, contentType) => {
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1
        controller.enqueue(Uint8Array.of(0x20))
      },
    })
    const headers = { 'content-type': contentType }
    const init = { method: 'POST', headers, body, duplex: 'half' }
    const stateDir = await mkdtemp(join(tmpdir(), 'skein-chunks-'))
    const gateway = createGateway(client, { stateDir })
    onTestFinished(async () => {
      await gateway.close()
      await rm(stateDir, { recursive: true, force: true })
    })
    const response = await gateway.fetch(new Request(`http://x${path}`, init as RequestInit))
    expect(response.status).toBe(400)
    expect(await response.text()).toMatch(/chunks/)
    // The bodies of honest callers that write piece by piece have fewer.
    expect(sent).toBeGreaterThan(50_000)
    expect(sent).toBeLessThan(70_000)
  })

  it('is not a failure of the gateway if a field has no text', async () => {
    const body = '{"model":"m","messages":[],"keep_alive":{"valueOf":1,"toString":1}}'
    expect(await answerOf(post('/api/chat', body))).toMatchObject({ status: 400 })
  })

  it('is refused while other bodies hold all the memory', async () => {
    const gateway = createGateway(client, { maxBodyMemoryBytes: 1_000_000 })
    const response = await gateway.fetch(post('/v1/embeddings', `{"a":"${'a'.repeat(900_000)}"}`))
    expect([429, 503]).toContain(response.status)
    const small = await gateway.fetch(post('/v1/responses', '[]'))
    expect(small.status).toBe(400)
  })
})

describe('the memory of bodies', () => {
  const BYTES = 60_000
  const filled = (piece: string, bytes: number): string => {
    const pieces = Array(Math.floor(bytes / (piece.length + 1))).fill(piece)
    return `{"model":"m","x":[${pieces.join()}]}`
  }
  const json = { 'content-type': 'application/json' }

  it.each([
    ['that is announced as small', { ...json, 'content-length': String(BYTES) }, BYTES],
    ['of any length', json, 3 * BYTES],
    ['with an idempotency key', { ...json, 'idempotency-key': 'k' }, 3 * BYTES],
  ])('counts the values of a body %s', async (_, headers, bytes) => {
    // One request gets three eighths of the budget. Text takes three times its bytes.
    const maxBodyMemoryBytes = (8 / 3) * 3.5 * bytes
    const statusOf = async (piece: string): Promise<number> => {
      const request = { method: 'POST', headers, body: filled(piece, bytes) }
      const gateway = createGateway(client, { maxBodyMemoryBytes })
      return (await gateway.fetch('http://x/v1/responses', request)).status
    }
    expect(await statusOf(`"${'a'.repeat(bytes - 30)}"`)).toBe(400)
    const costly = [`"${'a'.repeat(bytes - 40)}字"`, '{}', '[]', '""', '{"a":1}', '1']
    expect(await Promise.all(costly.map(statusOf))).toEqual(costly.map(() => 503))
  })

  it('lets in the largest body, whatever its characters', async () => {
    for (const piece of ['word', '字', 'word 字']) {
      const text = piece.repeat(
        Math.floor((GATEWAY_LIMITS.maxBodyBytes - 20) / Buffer.byteLength(piece)),
      )
      const request = { method: 'POST', headers: json, body: `{"model":"m","x":"${text}"}` }
      expect((await createGateway(client).fetch('http://x/v1/responses', request)).status).toBe(400)
    }
  })

  it('is free again after the answer', async () => {
    const gateway = createGateway(client, { maxBodyMemoryBytes: 30_000_000 })
    for (let n = 0; n < 10; n += 1) {
      const request = { method: 'POST', headers: json, body: filled('{}', 100_000) }
      expect((await gateway.fetch('http://x/v1/responses', request)).status).toBe(400)
    }
  })
})

describe('silent sockets', () => {
  it('are replaced by new connections', async () => {
    let nowMs = 0
    const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1')
    closeIdleSockets(server, 10, () => nowMs)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const open = async (): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1')
      await Promise.all([once(socket, 'connect'), once(server, 'connection')])
      return socket.on('error', () => {})
    }
    const silent: Socket[] = []
    for (let n = 0; n < 10; n += 1) silent.push(await open())
    nowMs = 2_000
    const closed = once(silent[0] as Socket, 'close')
    const response = await fetch(`http://127.0.0.1:${port}/`)
    expect(await response.text()).toBe('ok')
    await closed
    for (const socket of silent) socket.destroy()
    server.closeAllConnections()
    server.close()
  })
})
