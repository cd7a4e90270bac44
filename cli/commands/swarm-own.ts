import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { readOwnerKey } from '../../host/index.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { chooseSwarm, NO_SWARM, namedSwarm } from '../swarms/index.ts'
import { UsageError } from '../usage-error.ts'

/** The subcommands of `skein swarm` about the swarms with members that this machine is in. */
export function ownSwarmCommands(runtime: Runtime): Command[] {
  const use = withSharedOptions(
    new Command('use')
      .summary('choose the swarm that commands are in')
      .argument('<name>', 'a swarm that this machine is a member of; none: no such swarm'),
  ).action(runtime.action(used))
  const leave = withSharedOptions(
    new Command('leave')
      .summary("delete this machine's membership")
      .description(
        "Deletes this machine's membership, for instance to join again with a new invite after a revocation. It does not revoke: an admin does that.",
      )
      .argument('<name>', 'name of the swarm'),
  ).action(runtime.action(left))
  return [use, leave]
}

async function used(
  { terminal, env }: Session,
  _: SharedOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  if (name !== NO_SWARM) namedSwarm(env, name)
  await chooseSwarm(env, name)
  terminal.emit({ event: 'swarm', name } as { event: 'swarm' })
  terminal.print(
    name === NO_SWARM
      ? 'Commands are in no swarm with members now.\n'
      : `Commands are in ${name} now. Processes that run stay where they are.\n`,
  )
  return undefined
}

async function left(
  { terminal, env }: Session,
  _: SharedOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  const { directory } = namedSwarm(env, name)
  if ((await readOwnerKey(directory)) !== undefined) {
    throw new UsageError(
      `${join(directory, 'owner.key')} is the key of the swarm's owner: move it to a safe place first`,
    )
  }
  await rm(directory, { recursive: true })
  terminal.emit({ event: 'left', name } as { event: 'left' })
  terminal.print(`This machine has left ${name}.\n`)
  return undefined
}
