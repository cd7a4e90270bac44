import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import {
  createInternet,
  describeOnInternet,
  type Internet,
  type Machine,
} from '../../testing/internet/index.ts'
import { commandBlocks } from '../../testing/marked-blocks.ts'

// Five machines, each with a whole process, on a host that may be busy.
vi.setConfig({ testTimeout: 540_000, hookTimeout: 60_000 })

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const PAGE = new URL('../../docs/operations.md', import.meta.url)
/** Commands that run until they are stopped. */
const DAEMON = /^skein (bootstrap|gateway|node|up)( --.*)?$/
const RUNNING = /Stop with Ctrl-C|base URL/
const COMMAND_MS = 90_000

interface Daemon {
  readonly child: ChildProcess
  readonly said: () => string
}

/** A computer of the page: a place in the network, and a home directory. */
interface Computer {
  readonly machine: Machine
  readonly home: string
  readonly env: Readonly<Record<string, string>>
  readonly daemons: Daemon[]
}

describeOnInternet('the team with five machines of docs/operations.md', () => {
  let internet: Internet
  let root: string
  const computers = new Map<string, Computer>()

  beforeAll(async () => {
    internet = await createInternet()
    root = await mkdtemp(join(tmpdir(), 'skein-operations-'))
    await mkdir(join(root, 'bin'))
    const script = `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`
    await writeFile(join(root, 'bin/skein'), script, { mode: 0o755 })
    const office = await internet.router({ kind: 'port-preserving' })
    const atHome = await internet.router({ kind: 'symmetric' })
    const places: readonly (readonly [string, Machine])[] = [
      ['cloud-1', await internet.host()],
      ['cloud-2', await internet.host()],
      ['office-mac', await office.host()],
      ['office-gpu', await office.host()],
      ['home', await atHome.host()],
    ]
    for (const [name, machine] of places) {
      const home = join(root, name)
      await mkdir(home)
      const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env
      const env = {
        ...{ HOME: home, PATH: `${root}/bin:${PATH}`, NODE_COMPILE_CACHE },
        ...{ SKEIN_MDNS: '0', SKEIN_UPNP: '0' },
      }
      computers.set(name, { machine, home, env, daemons: [] })
    }
  })

  afterAll(async () => {
    await internet[Symbol.asyncDispose]()
    await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  })

  const computer = (name: string): Computer => {
    const found = computers.get(name)
    if (found === undefined) throw new Error(`the page names a sixth machine, ${name}`)
    return found
  }

  const begin = ({ machine, home, env }: Computer, command: string): Daemon => {
    const child = machine.spawn('sh', ['-c', command], { env, cwd: home, stdio: 'pipe' })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (piece: Buffer) => {
        text += piece.toString()
      })
    }
    return { child, said: () => text }
  }

  /** Runs a command to its end. @returns what it printed */
  const run = async (at: Computer, command: string): Promise<string> => {
    const { child, said } = begin(at, command)
    const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_MS)
    const code = await new Promise((resolve) => child.once('close', resolve))
    clearTimeout(timer)
    expect(code, `${command}\n${said()}`).toBe(0)
    return said()
  }

  const start = async (at: Computer, command: string): Promise<void> => {
    // In place of the shell, so that a signal reaches it.
    const daemon = begin(at, `exec ${command}`)
    at.daemons.push(daemon)
    await vi.waitFor(
      () => {
        expect(daemon.child.exitCode, `${command}\n${daemon.said()}`).toBeNull()
        expect(daemon.said(), command).toMatch(RUNNING)
      },
      { timeout: COMMAND_MS, interval: 50 },
    )
  }

  it('works command by command, and then without any one of them', async () => {
    const blocks = commandBlocks(await readFile(PAGE, 'utf8')).filter(
      ({ machines }) => machines.length > 0,
    )
    const invites = new Map<string, string>()
    const printed: string[] = []
    for (const { machines, commands } of blocks) {
      for (const name of machines) {
        for (const command of commands) {
          const at = computer(name)
          const real = command.replace('skein2…', invites.get(name) ?? '(no invite)')
          if (DAEMON.test(real)) {
            await start(at, real)
            continue
          }
          const text = await run(at, real)
          printed.push(text)
          const [, invited = ''] = /^skein swarm invite --name (\S+)/.exec(real) ?? []
          const [invite = ''] = /skein2[1-9A-Za-z]+/.exec(text) ?? []
          if (invited !== '') invites.set(invited, invite)
        }
      }
    }
    const all = printed.join('\n')
    expect([...invites.keys()]).toEqual(['cloud-2', 'office-mac', 'office-gpu', 'home'])
    // Asked at home: the list, the command line, the endpoint.
    expect(all).toMatch(/^skein-tiny\S* +3 /m)
    expect(all).toContain('1, 2, 3, 4, 5, 6, 7, 8, 9, 10.')
    expect(all).toContain('"object":"chat.completion"')
    expect(all).toMatch(/sk-skein-\S+/)
    expect(all).toMatch(/office-mac +node +revoked/)

    // One that serves and the one through which all joined.
    for (const name of ['office-gpu', 'cloud-1']) {
      for (const { child } of computer(name).daemons) {
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        await ended
      }
    }
    const left = await run(computer('home'), "skein ask --model skein-tiny 'Count from 1 to 5.'")
    expect(left).toContain('1, 2, 3, 4, 5.')
  })
})
