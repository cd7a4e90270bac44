import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSwarmKey, decodeInvite, encodeInvite } from '../../../host/index.ts'
import { InferenceError } from '../../../protocol/index.ts'

const ADDRESSES = [
  '/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWL1khQquees1d8CRWHncYaZmNz7rcdwa7griQJexqFBQg',
  '/dns4/example.org/tcp/443/tls/ws/p2p/12D3KooWL1khQquees1d8CRWHncYaZmNz7rcdwa7griQJexqFBQg',
]

describe('an invite', () => {
  it('carries key and addresses in one string without spaces', () => {
    const swarmKey = createSwarmKey()
    const text = encodeInvite({ swarmKey, bootstrap: ADDRESSES })
    expect(text).toMatch(/^skein1[1-9A-HJ-NP-Za-km-z]+$/)
    expect(decodeInvite(`  ${text}\n`)).toEqual({ swarmKey, bootstrap: ADDRESSES })
    expect(decodeInvite(encodeInvite({ swarmKey, bootstrap: [] })).bootstrap).toEqual([])
  })

  it('detects any one character lost or changed', () => {
    const text = encodeInvite({ swarmKey: createSwarmKey(), bootstrap: ADDRESSES })
    for (let at = 6; at < text.length; at += 7) {
      const changed = text.slice(0, at) + (text[at] === '2' ? '3' : '2') + text.slice(at + 1)
      expect(() => decodeInvite(changed)).toThrow(/missing or wrong/)
      expect(() => decodeInvite(text.slice(0, at) + text.slice(at + 1))).toThrow(/bad invite/)
    }
  })

  it.each([
    ['', /does not start/],
    ['hello', /does not start/],
    ['skein1', /missing or wrong/],
    ['skein10OIl', /characters/],
    [`skein1${'2'.repeat(5_000)}`, /too long/],
  ])('says what is wrong with %j', (text, message) => {
    expect(() => decodeInvite(text)).toThrow(message)
  })

  it('decodes any text to an invite or a typed error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          decodeInvite(`skein1${text}`)
        } catch (error) {
          expect(InferenceError.is(error, 'invalid_request')).toBe(true)
        }
      }),
    )
  })

  it('refuses an invalid key or address', () => {
    const swarmKey = createSwarmKey()
    expect(() => encodeInvite({ swarmKey: new Uint8Array(95), bootstrap: [] })).toThrow(/swarm key/)
    expect(() => encodeInvite({ swarmKey, bootstrap: ['localhost:4001'] })).toThrow(
      /not a valid multiaddr/,
    )
    const many = Array.from({ length: 17 }, (_, port) => `/ip4/8.8.8.8/tcp/${port + 1}`)
    expect(() => encodeInvite({ swarmKey, bootstrap: many })).toThrow(/16/)
  })
})
