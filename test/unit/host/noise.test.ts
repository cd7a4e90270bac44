import { noise as libp2pNoise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { MessageStream } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { noise } from '../../../host/noise.ts'

type Noise = typeof noise

async function encrypter(create: Noise) {
  const privateKey = await generateKeyPair('Ed25519')
  const upgrader = { getStreamMuxers: () => new Map(), getConnectionEncrypters: () => new Map() }
  const peerId = peerIdFromPrivateKey(privateKey)
  const components = { privateKey, peerId, logger: defaultLogger(), upgrader }
  return create()(components as unknown as Parameters<ReturnType<Noise>>[0])
}

/** Both ends of one connection. @param carry what becomes of a message of the first after the handshake */
async function secured(
  outbound: Noise,
  inbound: Noise,
  carry?: (bytes: Uint8Array) => readonly Uint8Array[],
): Promise<readonly [MessageStream, MessageStream]> {
  const [from, to] = multiaddrConnectionPair()
  const [dialer, listener] = await Promise.all([encrypter(outbound), encrypter(inbound)])
  const [a, b] = await Promise.all([dialer.secureOutbound(from), listener.secureInbound(to)])
  if (carry !== undefined) {
    const send = from.send.bind(from)
    from.send = (data) => carry(Uint8Array.from(data.subarray())).map(send).every(Boolean)
  }
  return [a.connection, b.connection]
}

async function received(stream: MessageStream, bytes: number): Promise<Uint8Array> {
  const all = new Uint8ArrayList()
  await new Promise<void>((resolve) => {
    stream.addEventListener('message', ({ data }) => {
      all.append(data)
      if (all.byteLength >= bytes) resolve()
    })
  })
  return all.subarray()
}

const LENGTHS = [1, 15, 300, 483, 484, 499, 500, 501, 1_200, 65_000, 66_000, 200_000]

describe('noise', () => {
  it.each([
    ['both ways', noise, noise],
    ['to a peer with the one of libp2p', noise, libp2pNoise],
    ['from a peer with the one of libp2p', libp2pNoise, noise],
  ] as const)('carries messages of any length %s', async (_, outbound, inbound) => {
    const sent = LENGTHS.map((length, at) => new Uint8Array(length).fill(at + 1))
    const whole = Buffer.concat(sent)
    const [a, b] = await secured(outbound as Noise, inbound as Noise)
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const arrived = received(to, whole.length)
      for (const bytes of sent) from.send(bytes)
      expect(Buffer.compare(await arrived, whole)).toBe(0)
    }
  })

  it('reads messages that arrive byte by byte', async () => {
    const [a, b] = await secured(noise, noise, (bytes) =>
      Array.from(bytes, (byte) => Uint8Array.of(byte)),
    )
    const whole = Buffer.concat([1, 15, 300, 600].map((length) => new Uint8Array(length).fill(7)))
    const arrived = received(b, whole.length)
    for (const length of [1, 15, 300, 600]) a.send(new Uint8Array(length).fill(7))
    expect(Buffer.compare(await arrived, whole)).toBe(0)
  })

  it.each([100, 5_000])('ends a connection with a changed message of %i bytes', async (length) => {
    const [a, b] = await secured(noise, noise, (bytes) => {
      bytes[50] = (bytes[50] ?? 0) ^ 1
      return [bytes]
    })
    const closed = new Promise<string>((resolve) => {
      b.addEventListener('close', ({ error }) => resolve(error?.message ?? 'no error'))
    })
    a.send(new Uint8Array(length))
    expect(await closed).not.toBe('no error')
  })
})
