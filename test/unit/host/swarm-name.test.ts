import { expect, it } from 'vitest'
import { createSwarmKey } from '../../../host/index.ts'
import { serviceTag, swarmNameOf } from '../../../host/swarm-name.ts'

const SELF = '12D3KooWSELFSELF'
const OTHER = '/ip4/1.2.3.4/tcp/4801/p2p/12D3KooWOTHEROTH'
const named = { bootstrap: [], ownSwarm: false, self: SELF }

it('names a swarm as typed, else after the peer to join through, else after the peer that begins one', () => {
  expect(swarmNameOf({ ...named, swarmName: 'geese', bootstrap: [OTHER] })).toBe('geese')
  expect(swarmNameOf({ ...named, bootstrap: [OTHER], ownSwarm: true })).toBe('swarm-OTHEROTH')
  expect(swarmNameOf({ ...named, ownSwarm: true })).toBe('swarm-SELFSELF')
  expect(swarmNameOf(named)).toBe('')
  expect(swarmNameOf({ ...named, bootstrap: ['/dnsaddr/boot.example.org'] })).toBe('swarm-mple.org')
})

it('gives members the name that the peer they join through gives itself', () => {
  const own = swarmNameOf({ ...named, ownSwarm: true })
  expect(swarmNameOf({ ...named, bootstrap: [`/ip4/1.2.3.4/tcp/1/p2p/${SELF}`] })).toBe(own)
})

it('refuses a name that could not be shown or told', () => {
  for (const swarmName of ['', 'two words', 'x'.repeat(64), 'a/b', '\u001b[2J']) {
    expect(() => swarmNameOf({ ...named, swarmName })).toThrow(/1 to 63/)
  }
})

it('keeps swarms apart in mDNS, private ones by their key', () => {
  const keys = [createSwarmKey(), createSwarmKey()]
  const tags = ['', 'geese', 'ducks'].map((name) => serviceTag(name, undefined))
  const all = new Set([...tags, ...keys.map((key) => serviceTag('geese', key))])
  expect(all.size).toBe(5)
  expect(serviceTag('', undefined)).toBe('_skein._udp.local')
  expect(serviceTag('a', keys[0])).toBe(serviceTag('b', keys[0]))
})
