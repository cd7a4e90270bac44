import { once } from 'node:events'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  createInternet,
  describeOnInternet,
  type Internet,
  type Machine,
} from '../../testing/internet/index.ts'

/** Answers each connection with the address that it came from. */
const SERVER = `require('net').createServer((s) => { s.on('error', () => {}); s.end(s.remoteAddress + ' ' + s.remotePort) })
  .listen({ port: 4801, host: '::' }, () => console.log('listening'))`

/** Connects from one local port to each address given, and prints what each answers, or why none does. */
const CLIENT = `const [port, ms, ...to] = process.argv.slice(1)
const ask = (target) => new Promise((resolve) => {
  const [host, remote] = target.split('@')
  const s = require('net').connect({ host, port: Number(remote ?? 4801), localPort: Number(port), timeout: Number(ms) })
  let text = ''
  s.on('data', (d) => { text += d })
  s.on('timeout', () => s.destroy(new Error('timeout')))
  s.on('error', (e) => resolve(e.code ?? e.message))
  s.on('end', () => resolve(text))
})
;(async () => { const all = []; for (const t of to) all.push(await ask(t)); console.log(JSON.stringify(all)) })()`

async function serve(machine: Machine): Promise<void> {
  const child = machine.spawn(process.execPath, ['-e', SERVER])
  if (child.stdout !== null) await once(child.stdout, 'data')
}

async function ask(
  machine: Machine,
  to: readonly string[],
  { fromPort = 0, timeoutMs = 30_000 } = {},
): Promise<string[]> {
  const argv = [String(fromPort), String(timeoutMs), ...to]
  const out = await machine.run(process.execPath, '-e', CLIENT, ...argv)
  return JSON.parse(out) as string[]
}

describeOnInternet('an Internet of namespaces', () => {
  let internet: Internet
  let one: Machine
  let two: Machine

  beforeAll(async () => {
    internet = await createInternet()
    one = await internet.host({ ip4: '44.0.0.200', ip6: '2a0e:44::1' })
    two = await internet.host({ ip4: '45.7.0.1', ip6: '2a0f:45::1' })
    await Promise.all([serve(one), serve(two)])
  })

  afterAll(async () => {
    await internet[Symbol.asyncDispose]()
  })

  it('connects public hosts of any networks over IPv4 and IPv6', async () => {
    const [v4 = '', v6 = ''] = await ask(one, [two.ip4, two.ip6])
    expect(v4).toContain(one.ip4)
    expect(v6).toContain(one.ip6)
  })

  it('leads nowhere else', async () => {
    const routes = await one.ip('route')
    expect(routes).toMatch(/^default dev wan/)
    expect(await ask(one, ['1.1.1.1@443'], { timeoutMs: 500 })).toEqual([
      expect.stringMatching(/EHOSTUNREACH|timeout/),
    ])
  })

  it('keeps the port for all destinations behind a port-preserving NAT', async () => {
    const home = await internet.router({ kind: 'port-preserving' })
    const seen = await ask(await home.host(), [one.ip4, two.ip4], { fromPort: 5_555 })
    expect(seen).toEqual([`::ffff:${home.ip4} 5555`, `::ffff:${home.ip4} 5555`])
  })

  it('takes another port for each destination behind a symmetric NAT', async () => {
    const home = await internet.router({ kind: 'symmetric' })
    const [first = '', second = ''] = await ask(await home.host(), [one.ip4, two.ip4], {
      fromPort: 5_555,
    })
    expect(first).toContain(home.ip4)
    expect(first.split(' ')[1]).not.toBe(second.split(' ')[1])
  })

  it('admits outside connections only through a forwarded port, and hairpins if configured to', async () => {
    const home = await internet.router({ kind: 'symmetric', hairpin: true })
    const node = await home.host()
    const neighbour = await home.host()
    await serve(node)
    expect(await ask(one, [home.ip4], { timeoutMs: 500 })).toEqual(['timeout'])
    await home.forward(4801, node)
    expect(await ask(one, [home.ip4])).toEqual([expect.stringContaining(one.ip4)])
    expect(await home.hairpinned()).toBe(0)
    expect(await ask(neighbour, [node.ip4, home.ip4])).toEqual([
      expect.stringContaining(neighbour.ip4),
      expect.stringContaining('192.168.1.1'),
    ])
    expect(await home.hairpinned()).toBe(1)
  })

  it('does not hairpin by default', async () => {
    const home = await internet.router({ kind: 'symmetric' })
    const node = await home.host()
    await serve(node)
    await home.forward(4801, node)
    expect(await ask(await home.host(), [home.ip4])).toEqual(['ECONNREFUSED'])
  })

  it('puts a router behind a router', async () => {
    const outer = await internet.router({ kind: 'symmetric', lan: '100.64.0' })
    const inner = await outer.router({ kind: 'port-preserving' })
    expect(inner.ip4).toBe('100.64.0.2')
    const [seen = ''] = await ask(await inner.host(), [one.ip4])
    expect(seen).toContain(outer.ip4)
  })

  it('resolves names that a machine is given', async () => {
    await two.setNames({ 'node.example': one.ip4 })
    expect(await ask(two, ['node.example'])).toEqual([expect.stringContaining(two.ip4)])
  })
})
