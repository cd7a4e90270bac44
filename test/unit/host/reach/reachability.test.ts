import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { type OwnAddress, ownAddress } from '../../../../host/reach/own-address.ts'
import { type Reachability, reachabilityOf } from '../../../../host/reach/reachability.ts'
import type { AddressVerdict } from '../../../../host/reach/verdicts.ts'

const PUBLIC = '/ip4/44.0.0.2/tcp/4801'
const FORWARDED = '/ip4/44.0.0.9/tcp/5900'
const LAN = '/ip4/192.168.1.2/tcp/4801'
const IPV6 = '/ip6/2a0e::1/tcp/4801'
const LOOPBACK = '/ip4/127.0.0.1/tcp/4801'

const confirmed: AddressVerdict = { verdict: 'confirmed', by: 'p', atMs: 1, how: 'dial-back' }
const refuted: AddressVerdict = { verdict: 'refuted', by: 'p', atMs: 1, why: 'timeout' }
const untested: AddressVerdict = { verdict: 'untested', why: 'no peer outside could be asked' }

function reach(init: {
  own: readonly string[]
  announced?: readonly string[]
  verdicts?: Readonly<Record<string, AddressVerdict>>
  isRelayed?: boolean
  seenAt?: readonly string[]
}): Reachability {
  const { own, announced = [], verdicts = {}, isRelayed = false, seenAt = [] } = init
  const made =
    (source: 'interface' | 'announced') =>
    (text: string): OwnAddress =>
      ownAddress(multiaddr(text), source)
  return reachabilityOf({
    own: [...own.map(made('interface')), ...announced.map(made('announced'))],
    verdictOf: (address) => verdicts[address] ?? untested,
    isRelayed,
    seenAt,
  })
}

describe('how a host is reached', () => {
  it.each([
    ['public', { own: [PUBLIC, LAN], verdicts: { [PUBLIC]: confirmed } }],
    ['unknown', { own: [PUBLIC, LAN] }],
    ['unknown', { own: [PUBLIC], verdicts: { [PUBLIC]: refuted } }],
    ['relayed', { own: [PUBLIC], verdicts: { [PUBLIC]: refuted }, isRelayed: true }],
    ['forwarded', { own: [LAN], announced: [FORWARDED], verdicts: { [FORWARDED]: confirmed } }],
    ['unknown', { own: [LAN], announced: [FORWARDED] }],
    ['lan', { own: [LAN], announced: [FORWARDED], verdicts: { [FORWARDED]: refuted } }],
    ['relayed', { own: [LAN], isRelayed: true }],
    ['lan', { own: [LAN, LOOPBACK] }],
    ['lan', { own: [LOOPBACK] }],
    ['unknown', { own: [] }],
  ] as const)('is %s', (status, init) => {
    expect(reach(init).status).toBe(status)
  })

  it('gives no advice if peers get through', () => {
    expect(reach({ own: [PUBLIC], verdicts: { [PUBLIC]: confirmed } }).advice).toBeUndefined()
    const overIp6 = { own: [LAN, IPV6], verdicts: { [IPV6]: confirmed }, isRelayed: true }
    expect(reach(overIp6)).toMatchObject({ status: 'public' })
    expect(reach(overIp6).advice).toBeUndefined()
  })

  it.each([
    ['open TCP port 4801', { own: [PUBLIC], verdicts: { [PUBLIC]: refuted } }],
    [
      'open TCP port 5900',
      { own: [LAN], announced: [FORWARDED], verdicts: { [FORWARDED]: refuted } },
    ],
    [
      'leads to another program',
      { own: [PUBLIC], verdicts: { [PUBLIC]: { ...refuted, why: 'other_peer' } } },
    ],
    ['nothing to do: relays carry', { own: [LAN], isRelayed: true }],
    [
      'forward TCP port 4801 on the router to this machine and say --announce /ip4/44.0.0.9/tcp/4801',
      { own: [LAN], seenAt: ['44.0.0.9'] },
    ],
    ['listens for this machine only', { own: [LOOPBACK] }],
    ['--listen', { own: [] }],
    ['no peer outside could be asked', { own: [PUBLIC] }],
    [
      'peers without IPv6 do not reach this machine: no relay is held',
      { own: [LAN, IPV6], verdicts: { [IPV6]: confirmed } },
    ],
  ] as const)('says what to do: %s', (advice, init) => {
    expect(reach(init).advice).toContain(advice)
  })
})
