import { defaultLogger } from '@libp2p/logger'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { isBootstrapName, peersOfName } from '../../../host/bootstrap-names.ts'

const PEER = '12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
const at = (last: number): string => `/ip4/44.0.0.${last}/tcp/4801/p2p/${PEER}`

/** A resolver with these records. */
function dns(records: Readonly<Record<string, readonly string[]>>) {
  const asked: string[] = []
  const resolve = (name: Multiaddr): Promise<Multiaddr[]> => {
    asked.push(name.toString())
    const found = records[name.toString()]
    if (found === undefined) return Promise.reject(new Error('no such name'))
    return Promise.resolve(found.map((text) => multiaddr(text)))
  }
  return { asked, resolve }
}
const options = {
  signal: new AbortController().signal,
  log: defaultLogger().forComponent('test'),
}
const peers = async (records: Readonly<Record<string, readonly string[]>>) =>
  (await peersOfName(multiaddr('/dnsaddr/a.example'), dns(records), options)).map(String)

describe('a name of bootstrap peers', () => {
  it('is /dnsaddr without a peer', () => {
    expect(isBootstrapName(multiaddr('/dnsaddr/a.example'))).toBe(true)
    expect(isBootstrapName(multiaddr(`/dnsaddr/a.example/p2p/${PEER}`))).toBe(false)
    expect(isBootstrapName(multiaddr('/dns4/a.example/tcp/1'))).toBe(false)
  })

  it('resolves to several peers, through other names too', async () => {
    const found = await peers({
      '/dnsaddr/a.example': [at(1), '/dnsaddr/b.example'],
      '/dnsaddr/b.example': [at(2), '/dnsaddr/a.example', '/ip4/44.0.0.3/tcp/4801'],
    })
    expect(found).toEqual([at(1), at(2)])
  })

  it('resolves to no more names and peers than a host can dial', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `/dnsaddr/n${index}.example`)
    const resolver = dns({
      '/dnsaddr/a.example': names,
      ...Object.fromEntries(
        names.map((name, index) => [
          name,
          Array.from({ length: 50 }, (_, last) => `/ip4/44.0.${index}.${last}/tcp/1/p2p/${PEER}`),
        ]),
      ),
    })
    const found = await peersOfName(multiaddr('/dnsaddr/a.example'), resolver, options)
    expect(found).toHaveLength(32)
    expect(resolver.asked.length).toBeLessThanOrEqual(8)
  })

  it('says which record is missing', async () => {
    await expect(peers({ '/dnsaddr/a.example': [] })).rejects.toThrow(
      'no TXT record of _dnsaddr.a.example has the address of a peer',
    )
    await expect(peers({})).rejects.toThrow('no such name')
  })
})
