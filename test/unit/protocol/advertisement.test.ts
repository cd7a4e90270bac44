import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Advertisement,
  InferenceError,
  isExpired,
  LIMITS,
  openAdvertisement,
  sealAdvertisement,
} from '../../../protocol/index.ts'

const nowMs = 1_790_000_000_000

const plain: Omit<Advertisement, 'peerId'> = {
  sequence: 7n,
  issuedAtMs: nowMs,
  expiresAtMs: nowMs + 600_000,
  protocols: ['/skein/inference/1.0.0'],
  addresses: [multiaddr('/ip4/127.0.0.1/tcp/4801')],
  models: [
    {
      id: 'skein-tiny',
      aliases: ['tiny'],
      digest: `sha256:${'ab'.repeat(32)}`,
      family: 'llama',
      parameters: 1_310_000,
      quantization: 'Q8_0',
      contextLength: 768,
      templateHash: 'sha256:00',
      capabilities: ['chat', 'completion', 'token_ids'],
      resume: 'tokens',
      fields: ['top_k'],
    },
  ],
  slots: 4,
  prefillRate: 1000,
  decodeRate: 500,
  maxTokens: 0,
  operator: 'someone',
}

describe('advertisement', () => {
  let key: PrivateKey
  beforeAll(async () => {
    key = await generateKeyPair('Ed25519')
  })

  it('opens as it was sealed, with the signer as its peer', async () => {
    const opened = await openAdvertisement(await sealAdvertisement(plain, key), { nowMs })
    expect(opened).toEqual({ ...plain, peerId: peerIdFromPrivateKey(key) })
  })

  it('carries a measured cold start, up to an hour', async () => {
    const sealed = await sealAdvertisement({ ...plain, coldStartMs: 42_000 }, key)
    expect(await openAdvertisement(sealed, { nowMs })).toMatchObject({ coldStartMs: 42_000 })
    const long = await sealAdvertisement({ ...plain, coldStartMs: 1e12 }, key)
    expect(await openAdvertisement(long, { nowMs })).toMatchObject({ coldStartMs: 3_600_000 })
  })

  it('expires at its own expiry time', () => {
    const ad = { ...plain, peerId: peerIdFromPrivateKey(key) }
    expect(isExpired(ad, plain.expiresAtMs - 1)).toBe(false)
    expect(isExpired(ad, plain.expiresAtMs)).toBe(true)
  })

  it('normalises names and drops unknown capabilities', async () => {
    const future = {
      ...plain,
      models: [
        {
          ...plain.models[0],
          id: ' Skein-Tiny:latest ',
          capabilities: ['chat', 'telepathy'],
        },
      ],
    } as unknown as Omit<Advertisement, 'peerId'>
    const { models } = await openAdvertisement(await sealAdvertisement(future, key), { nowMs })
    expect(models[0]).toMatchObject({ id: 'skein-tiny', capabilities: ['chat'] })
  })

  it('counts an impossible rate as unmeasured', async () => {
    const odd = { ...plain, prefillRate: Number.POSITIVE_INFINITY, decodeRate: -3 }
    const opened = await openAdvertisement(await sealAdvertisement(odd, key), { nowMs })
    expect(opened).toMatchObject({ prefillRate: 0, decodeRate: 0 })
  })

  it.each([
    ['issued in the future', { issuedAtMs: nowMs + LIMITS.maxClockSkewMs + 1 }],
    ['living too long', { expiresAtMs: nowMs + LIMITS.maxAdvertisementAgeMs + 1 }],
    ['ending before it begins', { expiresAtMs: nowMs - 1 }],
    ['with an invalid digest', { models: [{ ...plain.models[0], digest: 'sha256:xyz' }] }],
    ['with a nameless model', { models: [{ ...plain.models[0], id: '  ' }] }],
    ['with an endless name', { protocols: ['x'.repeat(LIMITS.maxNameLength + 1)] }],
  ])('is refused when %s', async (_, change) => {
    const expiresAtMs = 'issuedAtMs' in change ? change.issuedAtMs + 1000 : plain.expiresAtMs
    const bad = { ...plain, expiresAtMs, ...change } as Omit<Advertisement, 'peerId'>
    const envelope = await sealAdvertisement(bad, key)
    await expect(openAdvertisement(envelope, { nowMs })).rejects.toMatchObject({
      code: 'malformed',
    })
  })

  it('is refused when another peer signed it', async () => {
    const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    const envelope = await sealAdvertisement(plain, key)
    await expect(openAdvertisement(envelope, { nowMs, expectedSigner: other })).rejects.toThrow(
      /another peer/,
    )
  })

  it('is refused when the signature was made for another purpose', async () => {
    const record = {
      domain: 'skein-receipt',
      codec: new TextEncoder().encode('/skein/skein-advertisement'),
      marshal: () => new Uint8Array(3),
      equals: () => false,
    }
    const envelope = (await RecordEnvelope.seal(record, key)).marshal()
    await expect(openAdvertisement(envelope, { nowMs })).rejects.toMatchObject({
      code: 'malformed',
    })
  })

  it('with any byte changed is refused, or has the same content', async () => {
    const envelope = await sealAdvertisement(plain, key)
    const honest = await openAdvertisement(envelope, { nowMs })
    await fc.assert(
      fc.asyncProperty(
        fc.nat(envelope.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, bits) => {
          const forged = envelope.slice()
          forged[at] = (forged[at] ?? 0) ^ bits
          const result = await openAdvertisement(forged, { nowMs }).catch((error: unknown) => error)
          if (InferenceError.is(result, 'malformed')) return
          expect(result).toEqual(honest)
        },
      ),
      { numRuns: 400 },
    )
  })

  it('of any bytes is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await expect(openAdvertisement(bytes, { nowMs })).rejects.toMatchObject({
          code: 'malformed',
        })
      }),
    )
  })
})
