import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TOKEN_HEADER } from '../../../console/access.ts'
import { type Console, createConsole, LogBook } from '../../../console/index.ts'
import type { PageVisitor } from '../../../gateway/index.ts'

const URL = 'http://127.0.0.1:4810'

/** The visitor by the keys of now. */
let current: Omit<PageVisitor, 'now'>
const now = (): PageVisitor => ({ ...current, now })
const LOCAL = { keysRequired: false, isUnrestricted: true, remoteAddress: '127.0.0.1' }
const KEY = { ...LOCAL, keysRequired: true, key: 'ada' }

let log: LogBook
let pages: Console

beforeEach(() => {
  log = new LogBook()
  const client = {
    ...{ host: { libp2p: new EventTarget() }, swarms: [], marks: () => [] },
    ...{ observe: () => () => {}, running: () => [], peers: async () => [] },
  }
  pages = createConsole({
    client: client as never,
    log,
    self: () => ({}) as never,
    join: () => ({ addresses: [], invite: 'the invite' }),
    diagnose: async () => [],
  })
})

afterEach(() => pages[Symbol.asyncDispose]())

/** Opens the stream of events and reads its first message. */
async function opened(): Promise<{ first: string; next: () => Promise<string | undefined> }> {
  const headers = { host: '127.0.0.1:4810', accept: 'text/html' }
  const page = await pages.respond(new Request(`${URL}/`, { headers }), { ...LOCAL, now })
  const token = /skein-token" content="([^"]+)"/.exec(await page.text())?.[1] ?? ''
  const request = new Request(`${URL}/console/events`, {
    headers: { host: '127.0.0.1:4810', [TOKEN_HEADER]: token },
  })
  const { body } = await pages.respond(request, now())
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
  const next = async (): Promise<string | undefined> => (await reader?.read())?.value
  return { first: (await next()) ?? '', next }
}

describe('an open page', () => {
  it('goes on while it may', async () => {
    current = LOCAL
    const { next } = await opened()
    log.add('something new')
    expect(await next()).toContain('data: ')
  })

  it.each([
    ['a key is required', LOCAL, { ...LOCAL, keysRequired: true }],
    ['its key is restricted', KEY, { ...KEY, isUnrestricted: false }],
    ['its key is removed', KEY, { ...LOCAL, keysRequired: true }],
  ])('ends when %s', async (_, before, after) => {
    current = before
    const { first, next } = await opened()
    expect(first).toContain('snapshot')
    current = after
    log.add('a secret')
    expect(await next()).toBeUndefined()
  })

  it('no longer sees the invite once no key is required', async () => {
    current = KEY
    const { first, next } = await opened()
    expect(first).toContain('the invite')
    current = LOCAL
    log.add('something new')
    const later = await next()
    expect(later).toContain('isInviteHidden')
    expect(later).not.toContain('the invite')
  })
})
