import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TriedAgent } from './agents.ts'
import { runCommand } from './run-command.ts'

/** Seconds in which an installation may wait for a registry. */
const INSTALL_IDLE_S = 600
const INSTALLED = '.installed'

/** Installs an agent into a folder below `dir`, if it is not there. @returns the folder of its commands, or the reason */
export async function install(agent: TriedAgent, dir: string): Promise<string | Error> {
  const { name, npm, pip } = agent
  if (npm === undefined && pip === undefined) return dir
  const folder = join(dir, name.toLowerCase().replaceAll(' ', '-'))
  const bin = join(folder, npm === undefined ? 'bin' : 'node_modules/.bin')
  if (existsSync(join(folder, INSTALLED))) return bin
  await mkdir(folder, { recursive: true })
  const steps: readonly (readonly [string, ...string[]])[] =
    npm === undefined
      ? [
          ['python3', '-m', 'venv', folder],
          [join(bin, 'pip'), 'install', '--quiet', ...(pip ?? [])],
        ]
      : [['npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', folder, npm]]
  for (const [command, ...args] of steps) {
    const done = await runCommand(command, args, { cwd: folder, idleS: INSTALL_IDLE_S })
    if (done.code !== 0) return new Error(`${command} failed: ${done.output.slice(-300)}`)
  }
  await mkdir(join(folder, INSTALLED))
  return bin
}
