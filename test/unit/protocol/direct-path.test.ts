import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import {
  type DirectPathSide,
  decodeDirectPathAnswer,
  decodeDirectPathOffer,
  decodeSightingResponse,
  encodeDirectPathAnswer,
  encodeDirectPathOffer,
  encodeSightingResponse,
  openSighting,
  sealSighting,
} from '../../../protocol/index.ts'

const SIDE: DirectPathSide = {
  iceUser: 'VtzP',
  icePassword: 'paezqsziN/DBUlreXhI6mY',
  fingerprint: new Uint8Array(32).fill(1),
  candidates: [{ ip: '44.0.0.1', port: 40_000 }],
  sightings: [new Uint8Array([1, 2])],
}

describe('a side of a direct path', () => {
  it('is the same after encoding, as offer and as answer', () => {
    expect(decodeDirectPathOffer(encodeDirectPathOffer(SIDE))).toMatchObject(SIDE)
    expect(decodeDirectPathAnswer(encodeDirectPathAnswer(SIDE))).toMatchObject(SIDE)
    expect(decodeDirectPathAnswer(encodeDirectPathAnswer(undefined))).toBeUndefined()
  })

  it.each([
    ['a line break in the user name', { iceUser: 'abcd\r\na=candidate:1' }],
    ['a short user name', { iceUser: 'abc' }],
    ['a line break in the password', { icePassword: `${SIDE.icePassword}\n` }],
    ['a long password', { icePassword: 'a'.repeat(257) }],
    ['a short fingerprint', { fingerprint: new Uint8Array(20) }],
    ['many sockets', { candidates: Array(7).fill(SIDE.candidates[0]) }],
    ['many sightings', { sightings: Array(4).fill(new Uint8Array(1)) }],
  ])('is refused with %s', (_, change) => {
    const bytes = encodeDirectPathOffer({ ...SIDE, ...change })
    expect(() => decodeDirectPathOffer(bytes)).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    )
  })
})

describe('a sighting', () => {
  it('names its signer, and is refused when changed', async () => {
    const key = await generateKeyPair('Ed25519')
    const one = { peer: new Uint8Array([1]), ip: '44.0.0.1', atMs: 1_800_000_000_000 }
    const envelope = await sealSighting(one, key)
    const { signer, sighting } = await openSighting(envelope)
    expect(signer.equals(peerIdFromPrivateKey(key))).toBe(true)
    expect(sighting).toEqual(one)
    const changed = new Uint8Array(envelope)
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    await expect(openSighting(changed)).rejects.toMatchObject({ code: 'malformed' })
    await expect(openSighting(new Uint8Array(5_000))).rejects.toMatchObject({ code: 'malformed' })
  })

  it('comes with a port, or not at all', () => {
    const sighting = new Uint8Array([1])
    expect(decodeSightingResponse(encodeSightingResponse({ stunPort: 4_801, sighting }))).toEqual({
      stunPort: 4_801,
      sighting,
    })
    expect(decodeSightingResponse(encodeSightingResponse({}))).toEqual({})
    expect(() => decodeSightingResponse(encodeSightingResponse({ stunPort: 70_000 }))).toThrow()
  })
})
