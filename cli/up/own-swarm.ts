import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSwarmKey, encodeInvite } from '../../host/index.ts'
import { makeDirectory, writeAtomic } from '../../storage/index.ts'
import { dataHome } from '../directories.ts'
import type { Session } from '../runtime.ts'
import { type Network, readInvite, resolveNetwork, type SharedOptions } from '../shared-options.ts'
import { UsageError } from '../usage-error.ts'

const FILE_NAME = 'own-swarm-invite'

/**
 * The network to join. With `--private` and no invite it is a private swarm of this user's own, created at the first start.
 *
 * @throws UsageError for `--private` beside `--invite`
 */
export async function ownSwarm(
  { env }: Session,
  typed: Network,
  options: SharedOptions & { readonly private?: boolean },
): Promise<Network> {
  if (options.private !== true) return typed
  if (typed.host.swarmKey !== undefined) {
    throw new UsageError('--private starts a swarm of your own, --invite joins another: use one')
  }
  const directory = options.dataDir ?? dataHome(env)
  const path = join(directory, FILE_NAME)
  let invite = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    // Any other error must not replace the key of a swarm that exists.
    if (error.code === 'ENOENT') return undefined
    throw new UsageError(`cannot read the invite of your swarm, ${path}: ${error.message}`)
  })
  if (invite === undefined) {
    invite = encodeInvite({ swarmKey: createSwarmKey(), bootstrap: [] })
    await makeDirectory(directory)
    await writeAtomic(path, invite)
  }
  readInvite(invite, `${path}: `)
  return resolveNetwork({ ...options, invite: invite.trim() }, env, 'up')
}
