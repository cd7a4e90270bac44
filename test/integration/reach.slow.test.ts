import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import {
  type CliEvent,
  type CliProcess,
  createSandbox,
  type Sandbox,
} from '../../testing/cli/index.ts'
import {
  createInternet,
  describeOnInternet,
  type Internet,
  type Machine,
  serveDns,
} from '../../testing/internet/index.ts'

// Each test starts three peers as processes.
vi.setConfig({ testTimeout: 180_000 })

const PORT = 4801
const ANYWHERE = ['--listen', `/ip4/0.0.0.0/tcp/${PORT}`]

describeOnInternet('reaching hosts across the Internet', () => {
  let internet: Internet
  let sandbox: Sandbox
  let count = 0
  let hosts = 0

  /** A directory of its own for each peer. */
  const fresh = (): string[] => {
    count += 1
    return ['--data-dir', `${sandbox.home}/${count}`]
  }
  const start = (role: 'node' | 'bootstrap', machine: Machine, ...args: string[]): CliProcess => {
    const engine = role === 'node' ? ['--backend', 'embedded'] : []
    return sandbox.start([role, '--json', ...fresh(), ...engine, ...args], {}, machine)
  }
  const ask = (machine: Machine, ...args: string[]) =>
    sandbox.run(['ask', '--json', ...fresh(), ...args, 'Count from 1 to 20.'], { machine })
  const ready = async (process: CliProcess): Promise<CliEvent & { join: string[] }> => {
    const event = await process.event('ready')
    return { ...event, join: ['--bootstrap', event.addresses[0] ?? ''] }
  }

  beforeAll(async () => {
    internet = await createInternet()
    sandbox = await createSandbox()
  })

  afterAll(async () => {
    await sandbox.close()
    await internet[Symbol.asyncDispose]()
  })

  it.each([
    ['IPv4', { ip4: '44.1.0.1' }, { ip4: '44.1.1.1' }, { ip4: '44.1.2.1' }],
    ['IPv6', { ip6: '2a0e:44::1' }, { ip6: '2a0e:45::1' }, { ip6: '2a0e:46::1' }],
  ])(
    'answers between three public hosts over %s, which dialled one another back',
    async (...[, at, ...others]) => {
      const entry = await internet.host(at)
      const [serving, asking] = await Promise.all(others.map((other) => internet.host(other)))
      if (serving === undefined || asking === undefined) throw new Error('no machines')
      const bootstrap = start('bootstrap', entry)
      const { peerId, addresses, reachability, join } = await ready(bootstrap)
      expect(addresses[0]).toContain(entry.ip4 || entry.ip6)
      expect(reachability).toBe('unknown')
      const family = serving.ip6 === '' ? '/ip4/0.0.0.0' : '/ip6/::'
      const node = await ready(start('node', serving, '--listen', `${family}/tcp/${PORT}`, ...join))
      expect(node.reachability).toBe('public')
      expect(node.evidence).toMatchObject([
        { source: 'interface', verdict: 'confirmed', how: 'dial-back', by: peerId },
      ])
      const { exitCode, stdout } = await ask(asking, ...join)
      expect(stdout).toContain('18, 19, 20')
      expect(exitCode).toBe(0)
      await bootstrap.seen(/"event":"reachability","reachability":"public"/)
    },
  )

  it('reaches a node behind NAT by the forwarded port that it announces', async () => {
    const { join, peerId } = await ready(start('bootstrap', await internet.host()))
    const home = await internet.router({ kind: 'symmetric' })
    const machine = await home.host()
    await home.forward(5_900, machine, PORT)
    const announce = ['--announce', `/ip4/${home.ip4}/tcp/5900`]
    const node = await ready(start('node', machine, ...ANYWHERE, ...announce, ...join))
    expect(node.reachability).toBe('forwarded')
    expect(node.evidence).toMatchObject([{ verdict: 'confirmed', by: peerId, source: 'announced' }])
    const { stdout, exitCode } = await ask(await internet.host(), ...join)
    expect(stdout).toContain('18, 19, 20')
    expect(exitCode).toBe(0)
  })

  it.each(['dns4', 'dns6'] as const)(
    'reaches a node by the /%s name that it announces, which was dialled back',
    async (kind) => {
      const publicHost = (): Promise<Machine> => {
        hosts += 1
        return internet.host(kind === 'dns6' ? { ip6: `2a0e:60::${hosts}` } : {})
      }
      const behindRouter = async (): Promise<[Machine, string]> => {
        const home = await internet.router({ kind: 'symmetric' })
        const machine = await home.host()
        await home.forward(5_900, machine, PORT)
        return [machine, home.ip4]
      }
      const [entry, asking] = [await publicHost(), await publicHost()]
      const serving = kind === 'dns6' ? await publicHost() : undefined
      const [machine, ip] = serving === undefined ? await behindRouter() : [serving, serving.ip6]
      for (const one of [entry, asking, machine]) await one.setNames({ 'node.example': ip })
      const { join, peerId } = await ready(start('bootstrap', entry))
      const name = `/${kind}/node.example/tcp/${serving === undefined ? 5_900 : PORT}`
      const where =
        serving === undefined
          ? ANYWHERE
          : ['--listen', `/ip6/::/tcp/${PORT}`, '--no-announce', '2a0e:60::/32']
      const node = await ready(start('node', machine, ...where, '--announce', name, ...join))
      expect(node.reachability).toBe('forwarded')
      expect(node.evidence).toMatchObject([
        { address: name, source: 'announced', verdict: 'confirmed', how: 'dial-back', by: peerId },
      ])
      expect(node.addresses.filter((address) => address.includes(`/${ip}/`))).toEqual([])
      const { stdout, exitCode } = await ask(asking, ...join)
      expect(stdout).toContain('18, 19, 20')
      expect(stdout).not.toContain('"relay"')
      expect(exitCode).toBe(0)
    },
  )

  it('withdraws an announced address that no peer can reach, and says which port to open', async () => {
    const { join, peerId } = await ready(start('bootstrap', await internet.host()))
    const home = await internet.router({ kind: 'port-preserving' })
    const machine = await home.host()
    const announce = ['--announce', `/ip4/${home.ip4}/tcp/${PORT}`]
    const process = start('node', machine, ...ANYWHERE, ...announce, ...join)
    const node = await ready(process)
    expect(node.reachability).not.toMatch(/public|forwarded/)
    expect(node.evidence).toMatchObject([{ verdict: 'refuted', why: 'timeout', by: peerId }])
    expect(node.addresses.filter((address) => address.startsWith(`/ip4/${home.ip4}/`))).toEqual([])
    await home.forward(PORT, machine)
    await process.seen(/"event":"reachability","reachability":"forwarded"/)
  })

  it('joins through a /dnsaddr name of several bootstrap peers, one of which is gone', async () => {
    const { join } = await ready(start('bootstrap', await internet.host()))
    await ready(start('node', await internet.host(), ...ANYWHERE, ...join))
    const dns = await internet.host()
    const gone = '/ip4/44.9.9.9/tcp/4801/p2p/12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
    const records = [gone, join[1] ?? ''].map((address) => `dnsaddr=${address}`)
    await serveDns(dns, { '_dnsaddr.skein.example': records })
    const asking = await internet.host()
    await asking.setNames({}, dns.ip4)
    const { stdout } = await ask(asking, '--bootstrap', '/dnsaddr/skein.example')
    expect(stdout).toContain('18, 19, 20')
  })

  it('finds its way from the cache when its bootstrap peer and every node it knew are gone', async () => {
    const first = start('bootstrap', await internet.host())
    const { join } = await ready(first)
    const second = await ready(start('bootstrap', await internet.host(), ...join))
    const known = start('node', await internet.host(), ...ANYWHERE, ...join)
    await ready(known)
    const asking = await internet.host()
    const home = fresh()
    const question = ['ask', '--json', ...home, ...join, 'Count from 1 to 20.']
    expect((await sandbox.run(question, { machine: asking })).stdout).toContain('18, 19, 20')
    for (const { child, finished } of [first, known]) {
      child.kill('SIGKILL')
      await finished
    }
    await ready(start('node', await internet.host(), ...ANYWHERE, ...second.join))
    expect((await sandbox.run(question, { machine: asking })).stdout).toContain('18, 19, 20')
  })

  it('goes through the LAN to a node of the same LAN, though that has a public address too', async () => {
    const { join } = await ready(start('bootstrap', await internet.host()))
    const home = await internet.router({ kind: 'port-preserving', hairpin: true })
    const machine = await home.host()
    await home.forward(PORT, machine)
    const announce = ['--announce', `/ip4/${home.ip4}/tcp/${PORT}`]
    const mdns = { SKEIN_MDNS: '1' }
    const node = sandbox.start(
      ['node', '--json', ...fresh(), '--backend', 'embedded', ...ANYWHERE, ...announce, ...join],
      mdns,
      machine,
    )
    expect((await ready(node)).reachability).toBe('forwarded')
    const question = ['ask', '--json', ...fresh(), ...join, 'Count from 1 to 20.']
    const neighbour = await home.host()
    const { stdout } = await sandbox.run(question, { env: mdns, machine: neighbour })
    expect(stdout).toContain('18, 19, 20')
    expect(await home.hairpinned()).toBe(0)
    await home.setUplink('down')
    const offline = await sandbox.run(question, { env: mdns, machine: neighbour })
    expect(offline.stdout).toContain('18, 19, 20')
  })

  it.each(['symmetric', 'port-preserving'] as const)(
    'says by doctor what kind of NAT is in the way (%s), and which port is closed',
    async (kind) => {
      const first = await ready(start('bootstrap', await internet.host()))
      await ready(start('node', await internet.host(), ...ANYWHERE, ...first.join))
      const second = await ready(start('bootstrap', await internet.host(), ...first.join))
      const home = await internet.router({ kind })
      const machine = await home.host()
      const announce = ['--announce', `/ip4/${home.ip4}/tcp/${PORT}`]
      const doctor = await sandbox.run(
        ['doctor', '--json', ...fresh(), ...ANYWHERE, ...announce, ...first.join, ...second.join],
        { machine },
      )
      const step = (name: string) =>
        doctor.events().find((event) => (event as { name?: string }).name === name)
      expect(step('NAT')?.message).toContain(kind)
      expect(step('NAT')?.message).toContain(home.ip4)
      expect(step('reachability')).toMatchObject({
        status: 'failed',
        advice: expect.stringContaining(`open TCP port ${PORT}`),
      })
      expect(step('relays')?.message).toMatch(/[23] of the connected peers relay/)
      expect(doctor.events().at(-1)).toMatchObject({ ok: false, failed: ['reachability'] })
    },
  )
})
