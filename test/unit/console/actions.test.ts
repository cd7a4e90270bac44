import { describe, expect, it } from 'vitest'
import { createConsole, LogBook } from '../../../console/index.ts'
import type { PageVisitor } from '../../../gateway/index.ts'
import { InferenceError } from '../../../protocol/index.ts'

const LOCAL: PageVisitor = {
  ...{ keysRequired: false, isUnrestricted: true, now: () => LOCAL },
  remoteAddress: '127.0.0.1',
}
const KEY: PageVisitor = { ...LOCAL, keysRequired: true, key: 'ada', remoteAddress: '192.0.2.7' }
const HOST = 'http://127.0.0.1:4810'

/** A console whose client writes down what it is told. */
function opened(fault?: Error) {
  const told: unknown[] = []
  const client = {
    host: { libp2p: new EventTarget() },
    swarms: [],
    observe: () => () => {},
    running: () => [],
    forget: (peer: string) => told.push(['forget', peer]),
    mark: async (peer: string, mark: unknown) => {
      if (fault !== undefined) throw fault
      told.push(['mark', peer, mark])
    },
  }
  const pages = createConsole({
    client: client as never,
    log: new LogBook(),
    self: () => ({}) as never,
    join: () => ({ addresses: [] }),
    markElsewhere: async (peer, mark) => void told.push(['elsewhere', peer, mark]),
    diagnose: async () => ['ok · identity: here'],
  })
  const token = async (): Promise<string> => {
    const headers = { host: '127.0.0.1:4810', accept: 'text/html' }
    const page = await pages.respond(new Request(`${HOST}/`, { headers }), LOCAL)
    return /skein-token" content="([^"]+)"/.exec(await page.text())?.[1] ?? ''
  }
  const act = async (body: unknown, visitor = LOCAL, proof?: string) => {
    const text = JSON.stringify(body)
    const response = await pages.respond(
      new Request(`${HOST}/console/actions`, {
        method: 'POST',
        body: text,
        headers: {
          host: visitor === LOCAL ? '127.0.0.1:4810' : 'skein.example',
          'content-length': String(text.length),
          'x-skein-console': proof ?? (await token()),
        },
      }),
      visitor,
    )
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { act, told }
}

describe('the doors that change peers', () => {
  it('deny, trust and take back, for the page of this machine and for a key without limits', async () => {
    const { act, told } = opened()
    const denied = await act({ action: 'mark', peer: 'p', mark: 'denied' })
    expect(denied).toEqual({ status: 200, body: { peer: 'p', mark: 'denied' } })
    await act({ action: 'mark', peer: 'p', mark: 'trusted' }, KEY, '')
    await act({ action: 'mark', peer: 'p', mark: null })
    await act({ action: 'forget', peer: 'p' })
    expect(told).toEqual([
      ['mark', 'p', 'denied'],
      ['elsewhere', 'p', 'denied'],
      ['mark', 'p', 'trusted'],
      ['elsewhere', 'p', 'trusted'],
      ['mark', 'p', undefined],
      ['elsewhere', 'p', undefined],
      ['forget', 'p'],
    ])
  })

  it.each([
    ['no token', LOCAL, '', 401],
    ['a guessed token', LOCAL, 'guessed', 401],
    ['no key', { ...KEY, key: undefined }, undefined, 401],
    ['a restricted key', { ...KEY, isUnrestricted: false }, undefined, 403],
    ['another machine, without keys', { ...LOCAL, remoteAddress: '192.0.2.7' }, undefined, 403],
  ])('are closed to %s', async (_, visitor, proof, status) => {
    const { act, told } = opened()
    const order = { action: 'mark', peer: 'p', mark: 'denied' }
    expect((await act(order, visitor as PageVisitor, proof)).status).toBe(status)
    expect(told).toEqual([])
  })

  it.each([
    { action: 'mark', peer: 'p' },
    { action: 'mark', peer: 'p', mark: 'blessed' },
    { action: 'mark', peer: '', mark: 'denied' },
    { action: 'mark', peer: 'p'.repeat(101), mark: 'denied' },
    { action: 'crown', peer: 'p' },
    null,
  ])('refuse %j as an invalid request', async (order) => {
    const { act, told } = opened()
    expect(await act(order)).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(told).toEqual([])
  })

  it('say which error it was, with its status', async () => {
    const { act } = opened(new InferenceError('invalid_request', 'not a valid peer ID'))
    expect(await act({ action: 'mark', peer: 'p', mark: 'denied' })).toEqual({
      status: 400,
      body: { error: 'not a valid peer ID', code: 'invalid_request' },
    })
  })
})
