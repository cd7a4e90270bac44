import { Command } from 'commander'
import {
  createHost,
  decodeMemberInvite,
  joinSwarm,
  rejoinSwarm,
  swarmKeyOf,
} from '../../host/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { openTyped } from '../open-typed.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, textOrFile, withSharedOptions } from '../shared-options.ts'
import { chooseSwarm, swarmDirectory } from '../swarms/index.ts'

export function joinCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('join').description(
      'Joins a swarm with members: this machine asks for its certificate, and from now on its commands are in that swarm. The invite is used up by it. --bootstrap names more members to ask.',
    ),
  )
    .argument('<invite>', 'what `skein swarm invite` printed, or @FILE')
    .action(runtime.action(join))
}

async function join(
  session: Session,
  options: SharedOptions,
  [text = '']: readonly string[],
): Promise<undefined> {
  const { terminal, env, signal, commandName } = session
  const invite = await openTyped(() =>
    Promise.resolve(decodeMemberInvite(textOrFile(text, '<invite>: '))),
  )
  const addresses = [...new Set([...(options.bootstrap ?? []), ...invite.addresses])]
  const directory = swarmDirectory(env, invite.swarm)
  const rejoined = await openTyped(() => rejoinSwarm(directory, invite))
  if (rejoined !== undefined) {
    const { name, role } = rejoined
    terminal.emit({ event: 'rejoined', swarm: invite.swarm, name, role } as { event: 'rejoined' })
    terminal.print(
      `This machine is ${plainLine(name)} in ${invite.swarm} already. It tries the key of this invite for a day, and keeps it once a member confirms it. The invite was not used up.\n`,
    )
    return undefined
  }
  terminal.print(`Joining ${invite.swarm} …\n`)
  await using host = await createHost({
    dht: 'client',
    swarmKey: swarmKeyOf(invite.secret),
    peerExchange: false,
  })
  const certificate = await openTyped(() =>
    joinSwarm(directory, { ...invite, addresses }, host, { signal }),
  )
  await chooseSwarm(env, invite.swarm)
  const { name, role, expiresAtMs } = certificate
  const expiresAt = new Date(expiresAtMs).toISOString()
  const swarm = invite.swarm
  terminal.emit({ event: 'joined', swarm, name, role, expiresAt, directory } as { event: 'joined' })
  terminal.print(
    [
      `This machine is ${plainLine(name)} in ${swarm}, with the role ${role}. Its certificate is renewed by itself.`,
      '',
      role === 'client'
        ? `  ${commandName} ask "Hello"    ask its models\n  ${commandName} gateway        serve OpenAI's API here`
        : `  ${commandName} up             share models and ask others`,
      '',
    ].join('\n'),
  )
  return undefined
}
