import { describe, expect, it } from 'vitest'
import { ConsoleAccess, TOKEN_HEADER } from '../../../console/access.ts'
import type { PageVisitor } from '../../../gateway/index.ts'

const now = (): PageVisitor => local
const anyone = { isUnrestricted: true, now } as const
const local = { ...anyone, keysRequired: false, remoteAddress: '127.0.0.1' } as const

describe('access to the console', () => {
  const access = new ConsoleAccess()
  const own = (host = '127.0.0.1:4810'): Headers =>
    new Headers({ host, [TOKEN_HEADER]: access.token })

  it('lets the page of this machine in', () => {
    expect(access.refusal(own(), local)).toBeUndefined()
    expect(access.refusal(own('localhost:4810'), local)).toBeUndefined()
    expect(access.refusal(own('[::1]:4810'), { ...local, remoteAddress: '::1' })).toBeUndefined()
    expect(access.refusal(own(), { ...local, remoteAddress: '::ffff:127.0.0.1' })).toBeUndefined()
  })

  it.each([
    ['another machine', '192.0.2.7', '127.0.0.1:4810'],
    ['an address that begins alike', '127.0.0.1.example', '127.0.0.1:4810'],
    ['another name', '127.0.0.1', 'rebound.example:4810'],
    ['a name that begins alike', '127.0.0.1', 'localhost.example'],
    ['this machine by its address on the network', '127.0.0.1', '192.0.2.1:4810'],
  ])('refuses %s without keys, and gives it no token', (_, remoteAddress, host) => {
    const visitor = { ...local, remoteAddress }
    expect(access.refusal(own(host), visitor)).toBe('loopback')
    expect(access.tokenFor(new Headers({ host }), visitor)).toBeUndefined()
  })

  it.each(['x-forwarded-for', 'forwarded', 'via'])(
    'refuses a proxy on this machine: %s',
    (name) => {
      const headers = own()
      headers.set(name, '192.0.2.7')
      expect(access.refusal(headers, local)).toBe('loopback')
      expect(access.tokenFor(headers, local)).toBeUndefined()
    },
  )

  it('refuses an in-process caller, who has no address', () => {
    expect(access.refusal(own(), { ...anyone, keysRequired: false })).toBe('loopback')
  })

  it.each(['', 'x', new ConsoleAccess().token])('refuses the token %j', (token) => {
    const headers = new Headers({ host: '127.0.0.1', [TOKEN_HEADER]: token })
    expect(access.refusal(headers, local)).toBe('token')
  })

  it('wants a key where the gateway has keys, from everywhere, and never the token', () => {
    const visitor = { ...local, keysRequired: true }
    expect(access.refusal(own(), visitor)).toBe('key')
    expect(access.tokenFor(new Headers({ host: '127.0.0.1' }), visitor)).toBeUndefined()
    const holder = { ...anyone, keysRequired: true, key: 'ada', remoteAddress: '192.0.2.7' }
    const elsewhere = new Headers({ host: 'skein.example' })
    expect(access.refusal(elsewhere, holder)).toBeUndefined()
    // The console shows invites, and the requests of all callers.
    expect(access.refusal(elsewhere, { ...holder, isUnrestricted: false })).toBe('rights')
  })
})
