import { describe, expect, it } from 'vitest'
import {
  allowedCandidates,
  type SignedSighting,
  seenIps,
} from '../../../../host/direct-path/candidates.ts'
import { DIRECT_PATH, SIGHTINGS } from '../../../../host/direct-path/limits.ts'

const PEER = new Uint8Array([1, 2, 3])
const NOW = 1_800_000_000_000
const RULES = { peer: PEER, isTrusted: (signer: string) => signer === 'bootstrap', wallMs: NOW }

function sighting(change: Partial<SignedSighting['sighting']> = {}): SignedSighting {
  return { signer: 'bootstrap', sighting: { peer: PEER, ip: '44.0.0.1', atMs: NOW, ...change } }
}

describe('seenIps', () => {
  it('believes a bootstrap peer of the operator', () => {
    expect([...seenIps([sighting()], RULES)]).toEqual(['44.0.0.1'])
  })

  it.each([
    ['a stranger signed', { ...sighting(), signer: 'stranger' }],
    ['is of another peer', sighting({ peer: new Uint8Array([9]) })],
    ['is old', sighting({ atMs: NOW - SIGHTINGS.maxAgeMs - 1 })],
    ['is of the future', sighting({ atMs: NOW + SIGHTINGS.maxAgeMs + 1 })],
    ['names the LAN', sighting({ ip: '192.168.1.1' })],
    ['names this machine', sighting({ ip: '127.0.0.1' })],
    ['names a metadata service', sighting({ ip: '169.254.169.254' })],
    ['names no address', sighting({ ip: 'example.org' })],
  ])('ignores a sighting that %s', (_, one) => {
    expect([...seenIps([one], RULES)]).toEqual([])
  })
})

describe('allowedCandidates', () => {
  const ips = seenIps([sighting(), sighting({ ip: '2a0e:44::1' })], RULES)

  it('keeps sockets at an address where the peer was seen, in any spelling', () => {
    const candidates = [
      { ip: '44.0.0.1', port: 40_000 },
      { ip: '2a0e:0044:0:0::0001', port: 40_001 },
    ]
    expect(allowedCandidates(candidates, ips)).toEqual(candidates)
  })

  it.each([
    ['a third party', '45.0.0.1', 40_000],
    ['a neighbour in the LAN', '192.168.1.7', 40_000],
    ['this machine', '127.0.0.1', 40_000],
    ['a metadata service', '169.254.169.254', 40_000],
    ['an IPv4 address in IPv6 form', '::ffff:44.0.0.1', 40_000],
    ['a name', 'localhost', 40_000],
    ['nothing', '', 40_000],
    ['text after an address', '44.0.0.1 9 typ host', 40_000],
    ['a port of a system service', '44.0.0.1', 53],
    ['port 0', '44.0.0.1', 0],
    ['no port', '44.0.0.1', 70_000],
  ])('drops %s', (_, ip, port) => {
    expect(allowedCandidates([{ ip, port }], ips)).toEqual([])
  })

  it('bounds their number, and counts repeated ones once', () => {
    const many = Array.from({ length: 99 }, (_, index) => ({ ip: '44.0.0.1', port: 2_000 + index }))
    expect(allowedCandidates([...many, ...many], ips)).toHaveLength(DIRECT_PATH.maxCandidates)
    expect(allowedCandidates(Array(9).fill(many[0]), ips)).toHaveLength(1)
  })
})
