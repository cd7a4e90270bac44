import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createSandbox, type Sandbox } from '../../testing/cli/index.ts'
import { createInternet, describeOnInternet, type Internet } from '../../testing/internet/index.ts'

// Six peers as processes.
vi.setConfig({ testTimeout: 180_000 })

/** mDNS queries go out every 10 s. */
const TWO_QUERIES_MS = 21_000

describeOnInternet('swarms on one LAN', () => {
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

  it('find the peers of their own name by mDNS, and no others', async () => {
    const home = await internet.router({ kind: 'port-preserving' })
    const connections = async (name: string): Promise<number> => {
      const directory = ['--data-dir', `${sandbox.home}/${name}`]
      const { stdout } = await sandbox.run(['status', '--json', ...directory])
      return (JSON.parse(stdout) as { connections: number }).connections
    }
    const start = async (name: string, ...args: string[]): Promise<string> => {
      const machine = await home.host()
      const directory = ['--data-dir', `${sandbox.home}/${name}`]
      const listen = ['--listen', '/ip4/0.0.0.0/tcp/4801']
      const peer = ['bootstrap', '--json', ...directory, ...listen, ...args]
      const { addresses } = await sandbox.start(peer, { SKEIN_MDNS: '1' }, machine).event('ready')
      return addresses.find((address) => !address.includes('127.0.0.1')) ?? ''
    }
    await start('geese-1', '--swarm-name', 'geese')
    await start('ducks-1', '--swarm-name', 'ducks')
    const own = await start('own-1')
    await start('own-2', '--bootstrap', own)
    await start('other-own')
    await start('geese-2', '--swarm-name', 'geese')
    await expect.poll(() => connections('geese-2'), { timeout: 60_000 }).toBeGreaterThan(0)
    await expect.poll(() => connections('own-2'), { timeout: 60_000 }).toBeGreaterThan(0)
    await sleep(TWO_QUERIES_MS)
    for (const name of ['ducks-1', 'other-own']) expect(await connections(name)).toBe(0)
  })
})
