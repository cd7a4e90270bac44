import { defaultLogger } from '@libp2p/logger'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { type AddressScope, dialTarget, scopeOfIp } from '../../../host/address-scope.ts'
import { dialPolicy, mayDial } from '../../../host/dial-policy.ts'
import { createGater } from '../../../host/gater.ts'

const log = defaultLogger().forComponent('test')
const PEER = '/p2p/12D3KooWL1khQquees1d8CRWHncYaZmNz7rcdwa7griQJexqFBQg'

describe('scopeOfIp', () => {
  const table: readonly [ip: string, scope: AddressScope][] = [
    ['8.8.8.8', 'public'],
    ['1.1.1.1', 'public'],
    ['2606:4700:4700::1111', 'public'],
    ['10.0.0.1', 'private'],
    ['10.255.255.255', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.1', 'public'],
    ['192.168.1.1', 'private'],
    ['fc00::1', 'private'],
    ['fdab::1', 'private'],
    ['100.64.0.1', 'shared'],
    ['100.127.255.255', 'shared'],
    ['100.128.0.1', 'public'],
    ['127.0.0.1', 'loopback'],
    ['127.255.0.9', 'loopback'],
    ['::1', 'loopback'],
    ['0.0.0.0', 'forbidden'],
    ['0.1.2.3', 'forbidden'],
    ['::', 'forbidden'],
    ['169.254.169.254', 'forbidden'],
    ['169.254.0.1', 'forbidden'],
    ['100.100.100.200', 'forbidden'],
    ['fd00:ec2::254', 'forbidden'],
    ['fe80::1', 'forbidden'],
    ['fe80::1%eth0', 'forbidden'],
    ['224.0.0.1', 'forbidden'],
    ['255.255.255.255', 'forbidden'],
    ['ff02::1', 'forbidden'],
    ['::ffff:10.0.0.1', 'private'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:a9fe:a9fe', 'forbidden'],
    ['::ffff:8.8.8.8', 'public'],
    ['::127.0.0.1', 'forbidden'],
    ['64:ff9b::a00:1', 'forbidden'],
    ['2002:a00:1::', 'forbidden'],
    ['not an address', 'forbidden'],
    ['', 'forbidden'],
  ]
  it.each(table)('%s is %s', (ip, scope) => {
    expect(scopeOfIp(ip)).toBe(scope)
  })
})

describe('an address from a stranger', () => {
  const publicOnly = dialPolicy({ typed: [], privateSwarm: false })
  const policies = {
    publicOnly,
    onLoopback: dialPolicy({ typed: [multiaddr('/ip4/127.0.0.1/tcp/1')], privateSwarm: false }),
    onLan: dialPolicy({ typed: [multiaddr('/ip4/192.168.1.2/tcp/1')], privateSwarm: false }),
    onOverlay: dialPolicy({ typed: [multiaddr('/ip4/100.64.3.4/tcp/1')], privateSwarm: false }),
    privateSwarm: dialPolicy({ typed: [], privateSwarm: true }),
    onEverything: dialPolicy({ typed: [multiaddr('/ip4/0.0.0.0/tcp/0')], privateSwarm: false }),
    onLinkLocal: dialPolicy({ typed: [multiaddr('/ip4/169.254.1.1/tcp/1')], privateSwarm: true }),
    atLocalhost: dialPolicy({ typed: [multiaddr('/dns4/localhost/tcp/1')], privateSwarm: false }),
  }
  type Name = keyof typeof policies
  const table: readonly [address: string, dialledBy: readonly Name[]][] = [
    ['/ip4/8.8.8.8/tcp/4001', Object.keys(policies) as Name[]],
    ['/ip4/127.0.0.1/tcp/6379', ['onLoopback', 'privateSwarm', 'onLinkLocal', 'atLocalhost']],
    ['/ip6/::1/tcp/22', ['onLoopback', 'privateSwarm', 'onLinkLocal', 'atLocalhost']],
    ['/ip4/192.168.1.1/tcp/80', ['onLan', 'privateSwarm', 'onLinkLocal']],
    ['/ip6/fd12::7/tcp/80', ['onLan', 'privateSwarm', 'onLinkLocal']],
    ['/ip4/100.65.0.1/tcp/80', ['onOverlay', 'privateSwarm', 'onLinkLocal']],
    ['/ip4/169.254.169.254/tcp/80', []],
    ['/ip6/fe80::1/tcp/80', []],
    ['/ip4/0.0.0.0/tcp/80', []],
    ['/unix/%2Fvar%2Frun%2Fdocker.sock', []],
    ['/ip6zone/eth0/ip6/fe80::1/tcp/80', []],
    [`/ip4/10.0.0.1/tcp/4001${PEER}/p2p-circuit`, ['onLan', 'privateSwarm', 'onLinkLocal']],
  ]
  it.each(table)('%s is dialled only by %j', (address, dialledBy) => {
    const target = dialTarget(multiaddr(address))
    const allowed = Object.entries(policies).filter(([, policy]) => mayDial(target, [], policy))
    expect(new Set(allowed.map(([name]) => name))).toEqual(new Set(dialledBy))
  })

  it('checks every address of a name, and dials no name without one', () => {
    const target = dialTarget(multiaddr('/dns4/example.org/tcp/443'))
    expect(mayDial(target, ['public', 'public'], publicOnly)).toBe(true)
    expect(mayDial(target, ['public', 'loopback'], publicOnly)).toBe(false)
    expect(mayDial(target, [], publicOnly)).toBe(false)
  })
})

describe('createGater', () => {
  const lookup = (answers: Record<string, readonly string[]>) => (name: string) =>
    Promise.resolve(answers[name] ?? [])
  const policy = dialPolicy({ typed: [], privateSwarm: false })
  const typed = multiaddr(`/dns4/home.example/tcp/4001${PEER}`)
  const gater = createGater(
    policy,
    lookup({ 'evil.example': ['8.8.8.8', '10.0.0.1'], 'good.example': ['8.8.4.4', '2606::1'] }),
    [typed],
  )
  const denies = (text: string) => gater.connectionGater.denyDialMultiaddr?.(multiaddr(text))

  it('denies private addresses and names that lead to them', async () => {
    expect(await denies(`/ip4/10.0.0.1/tcp/1${PEER}`)).toBe(true)
    expect(await denies('/dns4/evil.example/tcp/443/tls/ws')).toBe(true)
    expect(await denies('/dns4/nowhere.example/tcp/443/tls/ws')).toBe(true)
    expect(await denies('/dns4/good.example/tcp/443/tls/ws')).toBe(false)
  })

  it('allows addresses that the user entered, and trusted ones', async () => {
    expect(await denies(typed.toString())).toBe(false)
    expect(await denies('/ip4/192.168.7.7/tcp/1')).toBe(true)
    gater.trust(multiaddr(`/ip4/192.168.7.7/tcp/1${PEER}`))
    expect(await denies('/ip4/192.168.7.7/tcp/1')).toBe(false)
    expect(await denies('/ip4/192.168.7.7/tcp/2')).toBe(true)
  })

  it('evicts trusted addresses beyond a bound, never entered ones', async () => {
    for (let port = 1; port <= 1_100; port += 1) gater.trust(multiaddr(`/ip4/10.9.9.9/tcp/${port}`))
    expect(await denies('/ip4/10.9.9.9/tcp/1')).toBe(true)
    expect(await denies('/ip4/10.9.9.9/tcp/1100')).toBe(false)
    expect(await denies(typed.toString())).toBe(false)
  })

  it('denies a stranger’s WebSocket whose TLS name leads elsewhere than its address', async () => {
    expect(await denies('/ip4/8.8.8.8/tcp/443/tls/sni/router.lan/ws')).toBe(true)
    expect(await denies('/dns4/good.example/tcp/443/tls/sni/router.lan/ws')).toBe(true)
  })

  it('looks up no dnsaddr of strangers, but an entered one and those it leads to', async () => {
    const answers: Record<string, string[]> = {
      '/dnsaddr/typed.example': ['/dnsaddr/next.example', '/ip4/8.8.8.8/tcp/1'],
      '/dnsaddr/flood.example': Array.from({ length: 1_000 }, (_, at) => `/dnsaddr/${at}.example`),
    }
    const { dnsaddrResolver: resolver } = createGater(
      policy,
      lookup({}),
      ['/dnsaddr/typed.example', '/dnsaddr/flood.example'].map((text) => multiaddr(text)),
      (address) =>
        Promise.resolve((answers[address.toString()] ?? []).map((text) => multiaddr(text))),
    )
    const resolves = (text: string) => resolver.canResolve(multiaddr(text))
    expect(resolves('/dnsaddr/next.example')).toBe(false)
    expect(resolves('/dnsaddr/typed.example')).toBe(true)
    const found = await resolver.resolve(multiaddr('/dnsaddr/typed.example'), { log })
    expect(found.map(String)).toEqual(answers['/dnsaddr/typed.example'])
    expect(resolves('/dnsaddr/next.example')).toBe(true)
    expect(resolves('/ip4/8.8.8.8/tcp/1')).toBe(false)
    const many = await resolver.resolve(multiaddr('/dnsaddr/flood.example'), { log })
    expect(many).toHaveLength(32)
  })

  it('pins a stranger’s name to the addresses that are checked, but leaves typed and TLS names', async () => {
    const resolver = gater.nameResolver
    const stranger = multiaddr(`/dns4/good.example/tcp/4001${PEER}`)
    expect(resolver.canResolve(stranger)).toBe(true)
    expect((await resolver.resolve(stranger, { log })).map(String)).toEqual([
      `/ip4/8.8.4.4/tcp/4001${PEER}`,
      `/ip6/2606::1/tcp/4001${PEER}`,
    ])
    expect(resolver.canResolve(typed)).toBe(false)
    expect(resolver.canResolve(multiaddr('/dns4/good.example/tcp/443/tls/ws'))).toBe(false)
  })
})
