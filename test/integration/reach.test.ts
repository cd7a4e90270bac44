import { afterAll, beforeAll, expect, it } from 'vitest'
import { createInternet, describeOnInternet, type Internet } from '../fixtures/internet/index.ts'
import { createSandbox, type Sandbox } from './cli-process.ts'

describeOnInternet('public hosts', () => {
  let internet: Internet
  let sandbox: Sandbox

  beforeAll(async () => {
    internet = await createInternet()
    sandbox = await createSandbox()
  })

  afterAll(async () => {
    await sandbox.close()
    await internet[Symbol.asyncDispose]()
  })

  it('answers between three of them, over IPv4 and over IPv6 alone', async () => {
    for (const addresses of [
      [{ ip4: '44.0.0.1' }, { ip4: '44.0.1.1' }, { ip4: '44.0.2.1' }],
      [{ ip6: '2a0e:44::1' }, { ip6: '2a0e:45::1' }, { ip6: '2a0e:46::1' }],
    ]) {
      const [entry, serving, asking] = await Promise.all(addresses.map((at) => internet.host(at)))
      const ip = entry?.ip4 || entry?.ip6 || ''
      const data = (name: string): string[] => ['--data-dir', `${sandbox.home}/${ip}-${name}`]
      const bootstrap = sandbox.start(['bootstrap', '--json', ...data('b')], {}, entry)
      const { addresses: announced } = await bootstrap.event('ready')
      expect(announced[0]).toContain(ip)
      const join = ['--bootstrap', announced[0] ?? '']
      const family = ip.includes(':') ? '/ip6/::' : '/ip4/0.0.0.0'
      const listen = ['--listen', `${family}/tcp/4801`]
      const node = sandbox.start(
        ['node', '--json', '--backend', 'embedded', ...listen, ...join, ...data('n')],
        {},
        serving,
      )
      await node.event('ready')
      const { exitCode, stdout, stderr } = await sandbox.run(
        ['ask', ...join, ...data('c'), 'Count from 1 to 20.'],
        asking === undefined ? {} : { machine: asking },
      )
      expect(stdout + stderr).toContain('18, 19, 20')
      expect(exitCode).toBe(0)
    }
  })
})
