import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { nodeFetch } from '../../../backend/http/node-fetch.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** @returns its URL, and the connections that it accepted */
async function serve(listener: RequestListener) {
  const sockets: Socket[] = []
  const server = createServer(listener).listen(0, '127.0.0.1')
  server.on('connection', (socket) => sockets.push(socket))
  await once(server, 'listening')
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, sockets }
}

async function textOf(response: Awaited<ReturnType<typeof nodeFetch>>): Promise<string> {
  const reader = response.body?.getReader()
  let text = ''
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    text += Buffer.from(part.value).toString()
  }
  return text
}

describe('a call over HTTP', () => {
  it('sends method, headers and body, and reads the answer as it comes, over one connection', async () => {
    const { url, sockets } = await serve((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        response.writeHead(201, { 'Retry-After': '3' }).write(`${request.method} `)
        const body = Buffer.concat(parts).toString()
        setImmediate(() => response.end(`${body} ${request.headers.authorization}`))
      })
    })
    for (const word of ['grüße', 'b']) {
      const headers = { authorization: 'Bearer k' }
      const response = await nodeFetch(url, { method: 'POST', headers, body: word })
      expect([response.ok, response.status]).toEqual([true, 201])
      expect(response.headers.get('retry-after')).toBe('3')
      expect(response.headers.get('x-absent')).toBeNull()
      expect(await textOf(response)).toBe(`POST ${word} Bearer k`)
    }
    expect(sockets).toHaveLength(1)
  })

  it('takes the parts of its URL: a query, credentials, an address in brackets', async () => {
    const { url } = await serve((request, response) => {
      response.end(`${request.url} ${request.headers.authorization} ${request.headers.host}`)
    })
    const { host, port } = new URL(url)
    const asked = await nodeFetch(`http://me:a%20b@${host}/v1?a=b%20c`, {})
    const basic = `Basic ${Buffer.from('me:a b').toString('base64')}`
    expect(await textOf(asked)).toBe(`/v1?a=b%20c ${basic} ${host}`)
    // Nothing listens there: the address was understood.
    await expect(nodeFetch(`http://[::1]:${port}/`, {})).rejects.toMatchObject({ port: +port })
  })

  it('does not follow redirects', async () => {
    let asked = 0
    const { url } = await serve((_, response) => {
      asked += 1
      response.writeHead(302, { location: '/' }).end()
    })
    expect(await nodeFetch(url, {})).toMatchObject({ ok: false, status: 302 })
    expect(asked).toBe(1)
  })

  it('ends with its signal, before the answer and within it, and closes its connection', async () => {
    const { url, sockets } = await serve((request, response) => {
      if (request.url === '/begun') response.write('x')
    })
    const reason = new Error('left')
    const silent = new AbortController()
    const waiting = nodeFetch(url, { signal: silent.signal })
    const refused = expect(waiting).rejects.toBe(reason)
    silent.abort(reason)
    await refused

    const begun = new AbortController()
    const response = await nodeFetch(`${url}begun`, { signal: begun.signal })
    const reader = response.body?.getReader()
    expect((await reader?.read())?.done).toBe(false)
    const pending = expect(reader?.read()).rejects.toBe(reason)
    const [last] = sockets.slice(-1)
    const closed = once(last as Socket, 'close')
    begun.abort(reason)
    await pending
    await closed
  })

  it('ends quietly with its signal when the answer has come and is not read to its end', async () => {
    const { url } = await serve((_, response) => void response.end('x'))
    for (let call = 0; call < 20; call += 1) {
      const left = new AbortController()
      const reader = (await nodeFetch(url, { signal: left.signal })).body?.getReader()
      await reader?.read()
      left.abort(new Error('left'))
      await expect(reader?.read()).rejects.toThrow('left')
    }
  })

  it('fails where the server dies within its answer', async () => {
    const { url, sockets } = await serve((_, response) => void response.write('x'))
    const reader = (await nodeFetch(url, {})).body?.getReader()
    await reader?.read()
    const pending = expect(reader?.read()).rejects.toMatchObject({ code: 'ECONNRESET' })
    for (const socket of sockets) socket.destroy()
    await pending
    await expect(reader?.read()).rejects.toThrow()
  })

  it('makes the server wait for a slow reader', async () => {
    let written = 0
    const piece = Buffer.alloc(65_536)
    const { url } = await serve((_, response) => {
      const write = (): void => {
        for (;;) {
          if (written >= 1_000 * piece.length) return void response.end()
          written += piece.length
          if (!response.write(piece)) return void response.once('drain', write)
        }
      }
      write()
    })
    const reader = (await nodeFetch(url, {})).body?.getReader()
    await reader?.read()
    for (let before = -1; before !== written; ) {
      before = written
      for (let turn = 0; turn < 200; turn += 1)
        await new Promise((resolve) => setImmediate(resolve))
    }
    expect(written).toBeLessThan(500 * piece.length)
    await reader?.cancel()
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('reads a body in the coding %s, which it does not ask for', async (coding, encode) => {
    let asked: string | undefined
    const { url } = await serve((request, response) => {
      asked = String(request.headers['accept-encoding'])
      response.writeHead(200, { 'content-encoding': coding }).end(encode('grüße '.repeat(20_000)))
    })
    const response = await nodeFetch(url.replace('http:', 'HTTP:'), {})
    expect(await textOf(response)).toBe('grüße '.repeat(20_000))
    expect(asked).toBe('identity')
  })

  it('fails where a coded body breaks off, and ends one with its signal', async () => {
    const half = gzipSync(randomBytes(100_000)).subarray(0, 50_000)
    const { url, sockets } = await serve((request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).write(half)
      if (request.url === '/ends') response.end()
    })
    await expect(nodeFetch(`${url}ends`, {}).then(textOf)).rejects.toThrow('unexpected end')
    const left = new AbortController()
    const reading = nodeFetch(url, { signal: left.signal }).then(async (response) => {
      const reader = response.body?.getReader()
      await reader?.read()
      const closed = once(sockets.at(-1) as Socket, 'close')
      left.abort(new Error('left'))
      await closed
      for (;;) await reader?.read()
    })
    await expect(reading).rejects.toThrow('left')
  })

  it('names the system’s code where no server listens', async () => {
    const { url } = await serve(() => {})
    for (const close of closing.splice(0)) close()
    await expect(nodeFetch(url, {})).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
