import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { beforeEach, describe, expect, it } from 'vitest'
import { openBootstrapList, sealBootstrapList } from '../../../host/index.ts'

const PEER = '12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
const LIST = {
  addresses: [`/dns4/a.example/tcp/4801/p2p/${PEER}`, '/dnsaddr/skein.example'],
  issuedAtMs: 1_000_000,
  expiresAtMs: 9_000_000,
}
const NOW = 2_000_000

describe('a signed list of bootstrap peers', () => {
  let key: PrivateKey
  let signer: PeerId

  beforeEach(async () => {
    key = await generateKeyPair('Ed25519')
    signer = peerIdFromPrivateKey(key)
  })

  it('decodes to the same list, whatever its line ends', async () => {
    const text = await sealBootstrapList(LIST, key)
    expect(await openBootstrapList(text, signer, NOW)).toEqual(LIST)
    expect(await openBootstrapList(text.replaceAll('\n', '\r\n'), signer, NOW)).toEqual(LIST)
  })

  it.each([
    ['another address', (text: string) => text.replace('a.example', 'evil.example'), NOW],
    ['an address more', (text: string) => text.replace('/dnsaddr', '/dnsaddr/evil\n/dnsaddr'), NOW],
    ['a later end', (text: string) => text.replace('T02:30', 'T09:30'), NOW],
    ['no signature', (text: string) => text.replace(/signature.*\n/, ''), NOW],
    ['a web page', () => '<html>404</html>', NOW],
    ['its time over', (text: string) => text, LIST.expiresAtMs],
    ['a date in the future', (text: string) => text, LIST.issuedAtMs - 100_000_000],
  ])('is refused with %s', async (_, change, nowMs) => {
    const text = change(await sealBootstrapList(LIST, key))
    await expect(openBootstrapList(text, signer, nowMs)).rejects.toThrow('bad bootstrap list')
  })

  it('is refused when another key signed it', async () => {
    const text = await sealBootstrapList(LIST, await generateKeyPair('Ed25519'))
    await expect(openBootstrapList(text, signer, NOW)).rejects.toThrow('not signed by')
  })

  it('is not made of no addresses, too many, or addresses without a peer', async () => {
    const seal = (addresses: readonly string[]) => sealBootstrapList({ ...LIST, addresses }, key)
    await expect(seal([])).rejects.toThrow('1 to 64')
    await expect(seal(Array(65).fill('/dnsaddr/a.example'))).rejects.toThrow('1 to 64')
    await expect(seal(['/ip4/44.0.0.1/tcp/1'])).rejects.toThrow('/p2p/')
  })
})
