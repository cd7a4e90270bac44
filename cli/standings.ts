import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { peerIdFromString } from '@libp2p/peer-id'
import { openReputation, type SavedReputation } from '../client/index.ts'
import { plainLine } from '../protocol/index.ts'
import { allDirectories } from './reports-here.ts'
import type { Session } from './runtime.ts'
import { clientNetworks, resolveNetwork, type SharedOptions } from './shared-options.ts'
import { UsageError } from './usage-error.ts'

/** The standings of one data directory. */
export interface Standings extends SavedReputation {
  readonly dataDir: string
}

/**
 * Opens the standings of this user's processes: clients and gateways share a directory; `up` and each node have their
 * own, which are read if they exist. With `--data-dir` only that one.
 *
 * @param reach `everywhere`: also those of other swarms, whichever the options name. @default the swarm of the options
 */
export async function openStandings(
  { env, terminal }: Pick<Session, 'env' | 'terminal'>,
  options: SharedOptions,
  reach?: 'everywhere',
): Promise<AsyncDisposable & { readonly all: readonly Standings[] }> {
  const of = (role: 'node' | 'up') => resolveNetwork(options, env, role).dataDirs
  const clients = clientNetworks(options, env)
  const isOne = options.dataDir === undefined && clients.length === 1
  const others = isOne ? [...of('up'), ...of('node')] : []
  const isAll = reach === 'everywhere' && options.dataDir === undefined
  const directories = new Set([
    ...clients.map(({ dataDir }) => dataDir),
    ...others.filter((dataDir) => existsSync(dataDir)),
    ...(isAll ? await withStandings(env) : []),
  ])
  const all: Standings[] = []
  for (const dataDir of directories) {
    const saved = await openReputation(dataDir, Date.now, (message) =>
      terminal.log(plainLine(message), { level: 'warn' }),
    )
    all.push({ ...saved, dataDir })
  }
  return {
    all,
    async [Symbol.asyncDispose]() {
      for (const one of all) await one[Symbol.asyncDispose]()
    },
  }
}

/** The data directories of this user's clients and nodes, of whatever swarm. */
async function withStandings(env: Session['env']): Promise<readonly string[]> {
  const all = await allDirectories({ env })
  return all.filter((dataDir) => /^(client|node|up)([-@+]|$)/.test(basename(dataDir)))
}

/**
 * The peer that a name means, among those with a standing or a mark.
 *
 * @param name its id, or the end of it
 * @throws UsageError if none or several match
 */
export function knownPeer(all: readonly Standings[], name: string): string {
  const end = name.replace(/^…/, '')
  const known = all.flatMap(({ reputation }) => [...reputation.report(), ...reputation.marks()])
  const peers = new Set(known.map(({ peer }) => peer).filter((peer) => peer.endsWith(end)))
  const [peer] = peers
  if (end !== '' && peer !== undefined && peers.size === 1) return peer
  throw new UsageError(
    end === '' || peers.size === 0
      ? `there is no standing of '${name}': none of its answers was audited`
      : `'${name}' matches the ids of ${peers.size} peers: type more of the id`,
  )
}

/** The same, or any peer by its whole id. */
export function anyPeer(all: readonly Standings[], name: string): string {
  try {
    return peerIdFromString(name).toString()
  } catch {
    try {
      return knownPeer(all, name)
    } catch {
      throw new UsageError(
        `'${name}' is no peer id, nor the end of one that is known here: \`skein peers --json\` prints whole ids`,
      )
    }
  }
}
