import { createHash } from 'node:crypto'
import { homedir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { Environment } from './environment.ts'
import { UsageError } from './usage-error.ts'

export type Role = 'node' | 'bootstrap' | 'client' | 'up'

/** Number of nodes on one machine that get a data directory automatically. */
const MAX_DIRECTORIES = 16

/** `$XDG_DATA_HOME/skein`. A relative path is ignored, as the XDG specification requires. */
export function dataHome(env: Environment): string {
  return join(base(env, env.XDG_DATA_HOME, '.local/share'), 'skein')
}

/** `$XDG_CONFIG_HOME/skein`: the configuration file. Undefined for a user without a home directory. */
export function configHome(env: Environment): string | undefined {
  const { XDG_CONFIG_HOME: named } = env
  if (named === undefined && foundHome(env) === undefined) return undefined
  return join(base(env, named, '.config'), 'skein')
}

/** `$XDG_CACHE_HOME/skein`: downloaded models, digests of files. */
export function cacheHome(env: Environment): string {
  return join(base(env, env.XDG_CACHE_HOME, '.cache'), 'skein')
}

/** As {@link cacheHome}. Undefined for a user without a home directory: what only saves time is not kept then. */
export function optionalCacheHome(env: Environment): string | undefined {
  const hasHome = env.XDG_CACHE_HOME !== undefined || foundHome(env) !== undefined
  return hasHome ? cacheHome(env) : undefined
}

/** Downloaded models. */
export function modelCache(env: Environment): string {
  return join(cacheHome(env), 'models')
}

/** The download cache of Hugging Face's tools: `$HF_HUB_CACHE`, else `hub` in `$HF_HOME`. */
export function hubCache(env: Environment): string {
  const { HF_HUB_CACHE: hub, HF_HOME: home, XDG_CACHE_HOME: cache } = env
  if (hub !== undefined && isAbsolute(hub)) return hub
  if (home !== undefined && isAbsolute(home)) return join(home, 'hub')
  return join(base(env, cache, '.cache'), 'huggingface/hub')
}

/**
 * Data directories for a role in order of preference: the second node on a machine takes `node-2` and so on. What is
 * known of the peers of a private swarm, or of one with a name or with members, stays apart.
 */
export function dataDirectories(
  env: Environment,
  role: Role,
  of: {
    readonly swarmKey?: Uint8Array | undefined
    readonly name?: string | undefined
    /** Name of a swarm with members. */
    readonly members?: string | undefined
  } = {},
): string[] {
  const { swarmKey, name, members } = of
  const key = swarmKey === undefined ? '' : `-${swarmName(swarmKey)}`
  const named = `${name === undefined ? '' : `@${name}`}${members === undefined ? '' : `+${members}`}`
  // The number before the name: a name may end in a number.
  const numbered = (suffix: string): string => join(dataHome(env), `${role}${key}${suffix}${named}`)
  if (role === 'client') return [numbered('')]
  const others = Array.from({ length: MAX_DIRECTORIES - 1 }, (_, index) => `-${index + 2}`)
  return ['', ...others].map(numbered)
}

/** A short name for a private swarm that does not reveal its key. */
export function swarmName(swarmKey: Uint8Array): string {
  return createHash('sha256').update('skein-swarm-name').update(swarmKey).digest('hex').slice(0, 8)
}

function base(env: Environment, value: string | undefined, fallback: string): string {
  return value !== undefined && isAbsolute(value) ? value : join(homeDirectory(env), fallback)
}

/** @throws UsageError for a user without one, as in many containers */
export function homeDirectory(env: Environment): string {
  const home = foundHome(env)
  if (home !== undefined) return home
  throw new UsageError(
    'this user has no home directory: set HOME to a directory that it may write to, or name one with --data-dir',
  )
}

/** As the environment says, else the system. Undefined for a user without one. */
export function foundHome(env: Environment): string | undefined {
  // On Windows shells set HOME to paths that only they understand.
  const named = process.platform === 'win32' ? '' : (env.HOME ?? '')
  for (const read of [() => named, homedir, () => userInfo().homedir]) {
    try {
      const home = read()
      // An empty or relative HOME would put state wherever the command was started.
      if (isAbsolute(home)) return home
    } catch {
      // The user is not listed on this machine.
    }
  }
  return undefined
}
