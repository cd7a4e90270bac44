import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PageServer, type PageVisitor, servePagesOnly } from '../../../../gateway/index.ts'
import { httpRequest } from '../../../../testing/index.ts'

let server: PageServer
let visitors: PageVisitor[]

beforeAll(async () => {
  visitors = []
  server = await servePagesOnly(
    {
      owns: ({ url }) => new URL(url).pathname === '/',
      respond: async (_, visitor) => {
        visitors.push(visitor)
        return new Response('the page')
      },
    },
    { port: 0 },
  )
})

afterAll(() => server[Symbol.asyncDispose]())

const get = (path: string, headers: Record<string, string> = {}) =>
  httpRequest(`${server.url}${path}`, { headers })

describe('pages without a gateway', () => {
  it('are served to this machine, which has no keys', async () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(await get('/')).toEqual({ status: 200, text: 'the page' })
    expect(visitors).toMatchObject([{ keysRequired: false, remoteAddress: '127.0.0.1' }])
  })

  it.each([
    ['a name that points here', { host: 'rebound.example' }, 421],
    ['a page of another origin', { origin: 'https://other.example' }, 401],
    ['a request of another site', { 'sec-fetch-site': 'cross-site' }, 401],
  ])('are closed to %s', async (_, headers, status) => {
    const before = visitors.length
    expect((await get('/', headers)).status).toBe(status)
    expect(visitors).toHaveLength(before)
  })

  it('have no API beside them', async () => {
    expect((await get('/v1/models')).status).toBe(404)
  })

  it.each(['[::ffff:127.0.0.1]', '[0:0:0:0:0:0:0:1]:80', 'a b', '[', 'x:port'])(
    'say what is wrong with the host %j',
    async (host) => {
      const { status, text } = await get('/', { host })
      expect(status).toBe(400)
      expect(JSON.parse(text)).toMatchObject({
        error: { code: 'invalid_request', message: expect.stringContaining('Host header') },
      })
    },
  )

  it('say why a port cannot be used', async () => {
    const port = Number(new URL(server.url).port)
    await expect(servePagesOnly({} as never, { port })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('in use'),
    })
  })
})
