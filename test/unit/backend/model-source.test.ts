import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findLocalModel, localModels, resolveModelSource } from '../../../backend/index.ts'
import { lockDownload, removeLockOf } from '../../../backend/model-source/download-lock.ts'
import { parseModelSource } from '../../../backend/model-source/parse-source.ts'
import { InferenceError } from '../../../protocol/index.ts'

const MODEL = Buffer.concat([
  Buffer.from('GGUF'),
  Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251)),
])
const SHA256 = createHash('sha256').update(MODEL).digest('hex')

type Handler = (request: IncomingMessage, response: ServerResponse, index: number) => void

let directory: string
let server: Server
let base: string
let handler: Handler
let ranges: (string | undefined)[]
/** Closes the connection once the client has read everything sent. */
let breakOff: { readonly atByte: number; readonly response: ServerResponse } | undefined

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-model-source-'))
  ranges = []
  breakOff = undefined
  server = createServer((request, response) => {
    ranges.push(request.headers.range)
    handler(request, response, ranges.length - 1)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
  await rm(directory, { recursive: true, force: true })
})

const resolve = (
  source: string,
  init: {
    signal?: AbortSignal
    idleTimeoutMs?: number
    sha256?: string
    hubToken?: string
    maxBytes?: number
  } = {},
) =>
  resolveModelSource(source, {
    cacheDir: directory,
    hubUrl: base,
    retryDelayMs: 1,
    maxFruitlessTries: 3,
    onProgress: ({ receivedBytes }) => {
      if (receivedBytes === breakOff?.atByte) breakOff.response.destroy()
    },
    ...init,
  })

/** Serves ranges as RFC 9110 says, and breaks the connection after `limit` bytes. */
function serveRange(
  request: IncomingMessage,
  response: ServerResponse,
  options: { etag?: string; limit?: number; body?: Buffer } = {},
): void {
  const { etag = '"v1"', limit = Number.POSITIVE_INFINITY, body = MODEL } = options
  const wanted = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
  const valid = wanted !== null && request.headers['if-range'] === etag
  const from = valid ? Number(wanted[1]) : 0
  response.writeHead(valid ? 206 : 200, {
    etag,
    'content-length': body.length - from,
    ...(valid && { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }),
  })
  const end = Math.min(body.length, from + limit)
  if (end < body.length) breakOff = { atByte: end, response }
  response.write(body.subarray(from, end))
  if (end === body.length) response.end()
}

/** A `fetch` of a web that redirects as `locationOf` says and has the model everywhere else. */
function redirecting(locationOf: (url: string) => string | undefined): typeof fetch {
  const ask: typeof fetch = async (url, init) => {
    const location = locationOf(String(url))
    if (location === undefined) return new Response(MODEL)
    return init?.redirect === 'manual' ? Response.redirect(location) : await ask(location, init)
  }
  return ask
}

describe('parseModelSource', () => {
  const hub = 'https://hub.example'
  it('reads a hub reference with folders and a revision', () => {
    const source = parseModelSource('hf:org/repo-GGUF/sub/model.gguf@v1.0', hub)
    expect(source).toMatchObject({
      kind: 'download',
      cachePath: join('hf', 'org', 'repo-GGUF', 'v1.0', 'sub', 'model.gguf'),
    })
    expect(source.kind === 'download' && source.url.href).toBe(
      'https://hub.example/org/repo-GGUF/resolve/v1.0/sub/model.gguf',
    )
  })
  it.each([
    'hf:org/repo',
    'hf:org/repo/../../etc/passwd',
    'hf:../repo/file.gguf',
    'hf:org/repo/file.gguf@../x',
    'hf:org/repo//file.gguf',
    'http://models.example/model.gguf',
    'ftp://models.example/model.gguf',
    'https://user:secret@models.example/model.gguf',
    'https://models.example/',
    '',
  ])('refuses %j', (text) => {
    expect(() => parseModelSource(text, hub)).toThrow(InferenceError)
  })
  it('keeps a folder of the file apart from one of the revision', () => {
    const file = parseModelSource('hf:org/repo/b/m.gguf@a', hub)
    const revision = parseModelSource('hf:org/repo/m.gguf@a/b', hub)
    expect(file).not.toMatchObject({ cachePath: 'cachePath' in revision && revision.cachePath })
  })
  it('never repeats a password', () => {
    expect(() => parseModelSource('https://user:secret@models.example/m.gguf', hub)).toThrow(
      /^(?!.*secret).*password/,
    )
  })
  it('allows http from this machine, and treats everything without a scheme as a path', () => {
    expect(parseModelSource('http://127.0.0.1:1234/m.gguf', hub).kind).toBe('download')
    expect(parseModelSource('./m.gguf', hub).kind).toBe('file')
    expect(parseModelSource('C:\\models\\m.gguf', hub).kind).toBe('file')
  })
})

describe('resolveModelSource', () => {
  it('refuses a file with another sha256 than the given one, and leaves nothing of it', async () => {
    handler = (request, response) => serveRange(request, response)
    await expect(resolve('hf:o/r/m.gguf', { sha256: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining(SHA256),
    })
    const { sha256, path } = await resolve('hf:o/r/m.gguf', { sha256: SHA256 })
    expect(sha256).toBe(SHA256)
    expect((await readdir(join(path, '..'))).sort()).toEqual([
      'm.gguf',
      'm.gguf.sha256',
      'm.gguf.source',
    ])
    await expect(resolve('hf:o/r/m.gguf', { sha256: '0'.repeat(64) })).rejects.toThrow(
      /remove it to download it again/,
    )
  })

  it.each([
    ['x-linked-etag', `"${'1'.repeat(64)}"`],
    ['repr-digest', `sha-256=:${Buffer.alloc(32, 1).toString('base64')}:`],
    ['digest', `SHA-256=${Buffer.alloc(32, 1).toString('base64')}`],
  ])('checks the sha256 that the server tells in %s', async (name, value) => {
    handler = (_, response) => {
      response.writeHead(200, { [name]: value, 'content-length': MODEL.length }).end(MODEL)
    }
    await expect(resolve('hf:o/r/m.gguf')).rejects.toThrow(/sha256 .*, not /)
  })

  it('refuses a model that the disk has no room for, before the first byte', async () => {
    handler = (_, response) => {
      response.writeHead(200, { 'content-length': 2 ** 52 }).write(MODEL)
    }
    await expect(resolve('hf:o/r/m.gguf', { maxBytes: 2 ** 53 })).rejects.toMatchObject({
      message: expect.stringMatching(/needs 4294967296 MiB more/),
      cause: { code: 'ENOSPC' },
    })
  })

  it('sends the token to the hub, and to no server that it redirects to', async () => {
    const tokens: (string | undefined)[] = []
    const elsewhere = createServer((request, response) => {
      tokens.push(request.headers.authorization)
      response.end(MODEL)
    })
    await new Promise<void>((done) => elsewhere.listen(0, '127.0.0.1', done))
    const { port } = elsewhere.address() as AddressInfo
    handler = (request, response) => {
      tokens.push(request.headers.authorization)
      response.writeHead(302, { location: `http://127.0.0.1:${port}/m.gguf` }).end()
    }
    await resolve('hf:o/r/m.gguf', { hubToken: 'secret' })
    elsewhere.closeAllConnections()
    elsewhere.close()
    expect(tokens).toEqual(['Bearer secret', undefined])
  })

  it('only checks that a path exists, and lists the accepted forms if it does not', async () => {
    const path = join(directory, 'own.gguf')
    await writeFile(path, MODEL)
    expect(await resolve(path)).toEqual({ path, bytes: MODEL.length, downloaded: false })
    await expect(resolve(join(directory, 'missing.gguf'))).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect(ranges).toEqual([])
  })

  it('downloads once, under a name derived from the source', async () => {
    handler = (request, response) => serveRange(request, response)
    const first = await resolve('hf:org/repo/model.gguf')
    expect(first).toMatchObject({ sha256: SHA256, bytes: MODEL.length, downloaded: true })
    expect(first.path).toBe(join(directory, 'hf', 'org', 'repo', 'main', 'model.gguf'))
    expect(await readFile(first.path)).toEqual(MODEL)
    const second = await resolve('hf:org/repo/model.gguf')
    expect(second).toEqual({ ...first, downloaded: false })
    expect(ranges).toEqual([undefined])
  })

  it('continues after an interrupted connection, and gets the same file', async () => {
    handler = (request, response) => serveRange(request, response, { limit: 100_000 })
    const model = await resolve(`${base}/model.gguf`)
    expect(model.sha256).toBe(SHA256)
    expect(await readFile(model.path)).toEqual(MODEL)
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-', 'bytes=300000-'])
  })

  it('continues a download of an earlier process', async () => {
    const abort = new AbortController()
    handler = (request, response, index) => {
      if (index > 0) return serveRange(request, response)
      response.writeHead(200, { etag: '"v1"', 'content-length': MODEL.length })
      response.write(MODEL.subarray(0, 50_000))
    }
    const stopped = resolveModelSource(`${base}/model.gguf`, {
      cacheDir: directory,
      signal: abort.signal,
      onProgress: ({ receivedBytes }) => {
        if (receivedBytes === 50_000) abort.abort(new Error('enough'))
      },
    })
    await expect(stopped).rejects.toThrow('enough')
    const model = await resolve(`${base}/model.gguf`)
    expect(model.sha256).toBe(SHA256)
    expect(ranges).toEqual([undefined, 'bytes=50000-'])
  })

  it('restarts if the file has changed meanwhile', async () => {
    const newer = Buffer.concat([MODEL, Buffer.from('more')])
    handler = (request, response, index) =>
      index === 0
        ? serveRange(request, response, { limit: 100_000 })
        : serveRange(request, response, { etag: '"v2"', body: newer })
    const model = await resolve(`${base}/model.gguf`)
    expect(await readFile(model.path)).toEqual(newer)
    expect(model.sha256).toBe(createHash('sha256').update(newer).digest('hex'))
  })

  it('restarts if the server does not support ranges', async () => {
    handler = (_request, response, index) => {
      response.writeHead(200, { etag: '"v1"', 'content-length': MODEL.length })
      if (index > 0) response.end(MODEL)
      else {
        breakOff = { atByte: 100_000, response }
        response.write(MODEL.subarray(0, 100_000))
      }
    }
    const model = await resolve(`${base}/model.gguf`)
    expect(await readFile(model.path)).toEqual(MODEL)
    expect(model.sha256).toBe(SHA256)
  })

  it('accepts a file of unknown length', async () => {
    handler = (_request, response) => response.writeHead(200).end(MODEL)
    expect(await resolve(`${base}/model.gguf`)).toMatchObject({ sha256: SHA256 })
  })

  it('replaces a connection on which nothing arrives', async () => {
    handler = (request, response, index) => {
      if (index > 0) serveRange(request, response)
      else response.writeHead(200, { etag: '"v1"', 'content-length': MODEL.length }).write('GGUF')
    }
    const model = await resolve(`${base}/model.gguf`, { idleTimeoutMs: 100 })
    expect(model.sha256).toBe(SHA256)
  })

  it('gives up after tries without progress', async () => {
    handler = (_request, response) => response.writeHead(503).end()
    await expect(resolve(`${base}/model.gguf`)).rejects.toMatchObject({ code: 'dial_failed' })
    expect(ranges.length).toBe(3)
  })

  it('reports the reason and the time of a retry', async () => {
    handler = (request, response, index) => {
      if (index === 0) response.writeHead(503).end()
      else serveRange(request, response)
    }
    const told: unknown[] = []
    const onRetry = (...words: unknown[]) => void told.push(words)
    const init = { cacheDir: directory, retryDelayMs: 1, onRetry }
    await resolveModelSource(`${base}/model.gguf`, init)
    expect(told).toEqual([['the server answered 503', 2]])
  })

  it('follows redirects, except from https to http', async () => {
    handler = (request, response, index) => {
      if (index === 0) response.writeHead(302, { location: '/elsewhere.gguf' }).end()
      else serveRange(request, response)
    }
    expect(await resolve(`${base}/model.gguf`)).toMatchObject({ sha256: SHA256 })
    const asked: string[] = []
    const failed = resolveModelSource('https://models.example/model.gguf', {
      cacheDir: directory,
      fetch: redirecting((url) => {
        asked.push(url)
        return url.startsWith('https:') ? 'http://models.example/m.gguf' : undefined
      }),
    })
    await expect(failed).rejects.toMatchObject({ code: 'invalid_request' })
    expect(asked).toEqual(['https://models.example/model.gguf'])
  })

  it('does not follow redirects of a remote server to this machine', async () => {
    const asked: string[] = []
    const failed = resolveModelSource('https://models.example/model.gguf', {
      cacheDir: directory,
      fetch: redirecting((url) => {
        asked.push(url)
        return url.startsWith('https:') ? `${base}/model.gguf` : undefined
      }),
    })
    await expect(failed).rejects.toMatchObject({ code: 'invalid_request' })
    expect(asked).toEqual(['https://models.example/model.gguf'])
  })

  it('gives up a circle of redirects', async () => {
    handler = (_, response) => response.writeHead(302, { location: '/again' }).end()
    await expect(resolve(`${base}/model.gguf`)).rejects.toThrow('redirects more than')
  })

  it.each([
    [404, /check the spelling/],
    [401, /accept its license/],
    [403, /accept its license/],
    [418, /answered 418/],
  ])('says what to do about status %i', async (status, hint) => {
    handler = (_request, response) => response.writeHead(status).end()
    const failure = await resolve('hf:org/repo/model.gguf').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'invalid_request', message: expect.stringMatching(hint) })
    expect(ranges.length).toBe(1)
  })

  it.each([
    ['status 401', (response: ServerResponse) => response.writeHead(401).end()],
    ['status 403', (response: ServerResponse) => response.writeHead(403).end()],
    ['status 404', (response: ServerResponse) => response.writeHead(404).end()],
    [
      'a redirect without https',
      (response: ServerResponse) =>
        response.writeHead(302, { location: 'http://models.example/m.gguf' }).end(),
    ],
    [
      'a web page',
      (response: ServerResponse) =>
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>'),
    ],
    [
      'another size than is allowed',
      (response: ServerResponse) =>
        response.writeHead(200, { 'content-length': 2 ** 50 }).flushHeaders(),
    ],
  ])('keeps a partial download after %s', async (_, answer) => {
    handler = (request, response, index) => {
      if (index === 0) serveRange(request, response, { limit: 100_000 })
      else if (index === 1) answer(response.on('error', () => undefined))
      else serveRange(request, response)
    }
    await expect(resolve(`${base}/model.gguf`)).rejects.toMatchObject({ code: 'invalid_request' })
    expect(await resolve(`${base}/model.gguf`)).toMatchObject({ sha256: SHA256 })
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=100000-'])
  })

  it.each([
    ['another sha256', { sha256: 'a'.repeat(64) }, MODEL],
    ['more bytes than are allowed', { maxBytes: 1_000 }, MODEL],
    ['no bytes', {}, Buffer.alloc(0)],
  ])('leaves nothing of a file with %s', async (_, init, body) => {
    handler = (_request, response) => {
      response.on('error', () => undefined)
      response.write(body)
      response.end()
    }
    await expect(resolve(`${base}/model.gguf`, init)).rejects.toMatchObject({
      code: 'invalid_request',
    })
    const left = await readdir(directory, { recursive: true, withFileTypes: true })
    expect(left.filter((entry) => entry.isFile())).toEqual([])
  })

  it('stores a file without the ending of a model so that it is found', async () => {
    handler = (request, response) => serveRange(request, response)
    const sources = [`${base}/download?id=1`, `${base}/v1.0/model.bin`, 'hf:org/repo/model-Q4_0']
    for (const source of sources) {
      const { path } = await resolve(source)
      expect((await findLocalModel(directory, source)).path, source).toBe(path)
      expect(await resolve(source), source).toMatchObject({ path, downloaded: false })
    }
    const names = (await localModels(directory)).map(({ name }) => name)
    expect(names).toEqual(['download', 'model-q4_0', 'model.bin'])
  })

  it('refuses a file that is not GGUF, and leaves nothing behind', async () => {
    handler = (_request, response) => response.end('<!doctype html><title>Sign in</title>')
    await expect(resolve(`${base}/model.gguf`)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('a GGUF file'),
    })
    const left = await readdir(directory, { recursive: true, withFileTypes: true })
    expect(left.filter((entry) => entry.isFile())).toEqual([])
  })

  it('refuses a file above the size limit', async () => {
    handler = (request, response) => serveRange(request, response)
    const init = { cacheDir: directory, maxBytes: 1_000 }
    await expect(resolveModelSource(`${base}/model.gguf`, init)).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  it('lets one of two downloads of the same file wait for the other', async () => {
    handler = (request, response) => serveRange(request, response)
    const [a, b] = await Promise.all([
      resolve('hf:org/repo/model.gguf'),
      resolve('hf:org/repo/model.gguf'),
    ])
    expect([a.downloaded, b.downloaded].filter(Boolean)).toHaveLength(1)
    expect(a.sha256).toBe(b.sha256)
    expect(ranges).toEqual([undefined])
  })
})

describe('lockDownload', () => {
  it('takes over the lock of a dead or silent owner', async () => {
    const path = join(directory, 'model.gguf')
    await writeFile(`${path}.lock`, '4194304')
    await (await lockDownload(path))[Symbol.asyncDispose]()
    await writeFile(`${path}.lock`, `${process.pid}`)
    const longAgo = new Date(Date.now() - 600_000)
    await utimes(`${path}.lock`, longAgo, longAgo)
    await (await lockDownload(path))[Symbol.asyncDispose]()
    expect(await readdir(directory)).toEqual([])
  })

  it('keeps a lock that replaced that of a dead owner', async () => {
    const path = join(directory, 'model.gguf')
    const held = await lockDownload(path)
    const lock = await readFile(`${path}.lock`, 'utf8')
    await removeLockOf('4194304', `${path}.lock`)
    expect(await readFile(`${path}.lock`, 'utf8')).toBe(lock)
    await held[Symbol.asyncDispose]()
    expect(await readdir(directory)).toEqual([])
  })

  it('stops waiting when the signal fires', async () => {
    const path = join(directory, 'model.gguf')
    const held = await lockDownload(path)
    await expect(lockDownload(path, { signal: AbortSignal.timeout(20) })).rejects.toThrow()
    await held[Symbol.asyncDispose]()
  })
})
