import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory, writeAtomic } from '../../storage/index.ts'
import { dataHome } from '../directories.ts'
import type { Environment } from '../environment.ts'
import { UsageError } from '../usage-error.ts'

/** `--swarm none`: no swarm with members, although this machine is in one. */
export const NO_SWARM = 'none'

/** A swarm with members that this machine is in. */
export interface JoinedSwarm {
  readonly name: string
  /** Where its membership is kept. */
  readonly directory: string
}

/** Where a membership of that swarm is, or will be, kept. */
export function swarmDirectory(env: Environment, name: string): string {
  return join(dataHome(env), 'swarms', name)
}

/** The swarms with members that this machine is in. */
function joinedSwarms(env: Environment): readonly JoinedSwarm[] {
  const home = join(dataHome(env), 'swarms')
  if (!existsSync(home)) return []
  return readdirSync(home, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(home, entry.name, 'swarm.json')))
    .map(({ name }) => ({ name, directory: join(home, name) }))
}

/** The swarm that commands use unless one is named: the one joined or chosen last. */
export function currentSwarm(env: Environment): JoinedSwarm | undefined {
  let name: string
  try {
    name = readFileSync(currentPath(env), 'utf8').trim()
  } catch {
    return undefined
  }
  return joinedSwarms(env).find((swarm) => swarm.name === name)
}

/** @param name of a swarm, or {@link NO_SWARM} */
export async function chooseSwarm(env: Environment, name: string): Promise<void> {
  await makeDirectory(join(dataHome(env), 'swarms'))
  await writeAtomic(currentPath(env), `${name}\n`)
}

/** @throws UsageError for a swarm that this machine is not in */
export function namedSwarm(env: Environment, name: string): JoinedSwarm {
  const found = joinedSwarms(env).find((swarm) => swarm.name === name)
  if (found !== undefined) return found
  const known = joinedSwarms(env).map((swarm) => swarm.name)
  const others = known.length === 0 ? 'it is in none' : `it is in ${known.join(', ')}`
  throw new UsageError(
    `this machine is no member of a swarm called ${name}: ${others}. An admin invites it with \`skein swarm invite\``,
  )
}

function currentPath(env: Environment): string {
  return join(dataHome(env), 'swarms', 'current')
}
