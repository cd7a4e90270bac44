import type { ConnectionProtector, MultiaddrConnection } from '@libp2p/interface'
import { preSharedKey } from '@libp2p/pnet'
import { byteStream, multiaddrConnectionPair } from '@libp2p/utils'
import { describe, expect, it } from 'vitest'
import { swarmKeyOf } from '../../../../host/index.ts'
import { hintedNonce, hintedSecret } from '../../../../host/protector/hinted-nonce.ts'
import { swarmProtector } from '../../../../host/protector/index.ts'

const secret = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)
const [OLD, NEW, OTHER] = [secret(1), secret(2), secret(3)]

const own = (...secrets: Uint8Array[]): ConnectionProtector => swarmProtector(() => secrets)()
/** libp2p's own, as earlier versions use it. */
const plain = (of: Uint8Array): ConnectionProtector => preSharedKey({ psk: swarmKeyOf(of) })()

/** What the listener reads of what the dialler says, and the other way round. */
async function talk(
  dialler: ConnectionProtector,
  listener: ConnectionProtector,
): Promise<string[]> {
  const [out, inbound] = multiaddrConnectionPair()
  const options = { signal: AbortSignal.timeout(5_000) }
  const [a, b] = await Promise.all([
    dialler.protect(out, options),
    listener.protect(inbound, options),
  ])
  const [one, two] = [byteStream(a as MultiaddrConnection), byteStream(b as MultiaddrConnection)]
  await one.write(Buffer.from('hello'))
  const heard = await two.read({ bytes: 5 })
  await two.write(Buffer.from('world'))
  const answer = await one.read({ bytes: 5 })
  return [heard, answer].map((bytes) => Buffer.from(bytes.subarray()).toString())
}

describe('the cipher of a private swarm', () => {
  const works = ['hello', 'world']

  it.each([
    ['the same key', own(NEW), own(NEW)],
    ['a dialler that missed the rotation', own(OLD), own(NEW, OLD)],
    ['a listener that missed the rotation', own(NEW, OLD), own(OLD)],
    ['both keys at both ends', own(NEW, OLD), own(NEW, OLD)],
    ['a newcomer with the new key only', own(NEW), own(NEW, OLD)],
    ['a listener with the new key only', own(NEW, OLD), own(NEW)],
    ['a dialler of an earlier version', plain(OLD), own(NEW, OLD)],
    ['a listener of an earlier version', own(NEW, OLD), plain(OLD)],
    ['an earlier version before any rotation', plain(OLD), own(OLD)],
  ])('connects %s', async (_, dialler, listener) => {
    expect(await talk(dialler, listener)).toEqual(works)
  })

  it.each([
    ['the older key once it is no longer accepted', own(OLD), own(NEW)],
    ['the older key of an earlier version', plain(OLD), own(NEW)],
    ['another key', own(OTHER), own(NEW, OLD)],
  ])('is noise for %s', async (_, dialler, listener) => {
    expect(await talk(dialler, listener)).not.toEqual(works)
  })
})

describe('a nonce with a hint', () => {
  it('names its key to those who have it', () => {
    const nonce = hintedNonce(NEW)
    expect(nonce).toHaveLength(24)
    expect(hintedSecret(nonce, [OLD, NEW])).toBe(NEW)
    expect(hintedSecret(nonce, [OLD, OTHER])).toBeUndefined()
  })

  it('is never the same twice', () => {
    const nonces = Array.from({ length: 100 }, () => Buffer.from(hintedNonce(NEW)).toString('hex'))
    expect(new Set(nonces).size).toBe(100)
    // The hint, too: no observer without the key can link connections of one swarm.
    expect(new Set(nonces.map((nonce) => nonce.slice(32))).size).toBe(100)
  })
})
