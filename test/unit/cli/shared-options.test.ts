import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import {
  readInvite,
  resolveNetwork,
  type SharedOptions,
  withSharedOptions,
} from '../../../cli/shared-options.ts'
import { UsageError } from '../../../cli/usage-error.ts'
import { createSwarmKey, encodeInvite } from '../../../host/index.ts'

const PEER = '12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
const A = `/ip4/192.168.1.5/tcp/4801/p2p/${PEER}`
const B = `/dns4/example.org/tcp/443/wss/p2p/${PEER}`

function parse(...args: string[]): SharedOptions {
  const command = withSharedOptions(new Command('x')).exitOverride()
  command.configureOutput({ writeErr: () => undefined })
  return command.parse(args, { from: 'user' }).opts()
}

describe('the options that every command takes', () => {
  it('are repeatable where more than one makes sense', () => {
    const options = parse(
      ...['--bootstrap', A, '--bootstrap', B, '--listen', '/ip4/127.0.0.1/tcp/0'],
      ...['--listen', '/ip4/127.0.0.1/tcp/0/ws', '--data-dir', '/d', '--json', '--no-mdns'],
    )
    expect(options).toMatchObject({ bootstrap: [A, B], dataDir: '/d', json: true })
    expect(resolveNetwork(options, {}, 'node')).toEqual({
      host: {
        bootstrap: [A, B],
        listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'],
        mdns: false,
        portMapping: true,
        webrtc: true,
      },
      dataDirs: ['/d'],
    })
  })

  it('refuse an invalid multiaddr', () => {
    expect(() => parse('--listen', 'localhost:80')).toThrow('/ip4/')
  })
})

describe('resolveNetwork', () => {
  it('announces what was typed, and hides networks', () => {
    const announced = parse('--announce', '/ip4/44.0.0.2/tcp/4801', '--no-announce', '10.0.0.0/8')
    expect(resolveNetwork(announced, {}, 'node').host).toMatchObject({
      announce: ['/ip4/44.0.0.2/tcp/4801'],
      noAnnounce: ['10.0.0.0/8'],
    })
  })

  it('uses mDNS unless disabled', () => {
    expect(resolveNetwork(parse(), {}, 'node').host.mdns).toBe(true)
    expect(resolveNetwork(parse('--no-mdns'), {}, 'node').host.mdns).toBe(false)
  })

  it('asks the router for a port unless told not to', () => {
    expect(resolveNetwork(parse(), {}, 'node').host.portMapping).toBe(true)
    expect(resolveNetwork(parse('--no-upnp'), {}, 'node').host.portMapping).toBe(false)
  })

  it('opens direct paths unless told not to', () => {
    expect(resolveNetwork(parse(), {}, 'node').host.webrtc).toBe(true)
    expect(resolveNetwork(parse('--no-webrtc'), {}, 'node').host.webrtc).toBe(false)
  })

  it('takes key and addresses from an invite, and keeps what it learns there apart', () => {
    const swarmKey = createSwarmKey()
    const invite = encodeInvite({ swarmKey, bootstrap: [A] })
    const typed = resolveNetwork(parse('--invite', invite, '--bootstrap', B), {}, 'node')
    expect(typed.host).toMatchObject({ bootstrap: [B, A], swarmKey })
    expect(typed.dataDirs).not.toEqual(resolveNetwork(parse(), {}, 'node').dataDirs)
  })

  it('takes names, files and signed lists of bootstrap peers', () => {
    const several = ['/dnsaddr/skein.example', '@peers.txt', `https://skein.example/peers#${PEER}`]
    const options = parse(...several.flatMap((source) => ['--bootstrap', source]))
    expect(resolveNetwork(options, {}, 'node').host.bootstrap).toEqual(several)
    expect(() => parse('--bootstrap', 'https://skein.example/peers')).toThrow('signed')
    expect(() => parse('--bootstrap', '@')).toThrow('@FILE')
  })

  it('reports an address without a peer id, or an invalid invite', () => {
    expect(() => parse('--bootstrap', '/ip4/1.2.3.4/tcp/1')).toThrow('/p2p/')
    expect(() => resolveNetwork(parse('--invite', 'skein1xyz'), {}, 'node')).toThrow(UsageError)
  })
})

describe('readInvite', () => {
  it.each(['garbage', '@/no/such/file'])('calls %j a wrong command line', (text) => {
    expect(() => readInvite(text)).toThrow(UsageError)
  })
})
