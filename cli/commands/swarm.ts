import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { createSwarmKey, encodeInvite } from '../../host/index.ts'
import { swarmName } from '../directories.ts'
import type { Runtime, Session } from '../runtime.ts'
import { readInvite, type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { UsageError } from '../usage-error.ts'

interface CreateOptions extends SharedOptions {
  readonly keyFile?: string
}

export function swarmCommand(runtime: Runtime): Command {
  const create = withSharedOptions(
    new Command('create')
      .summary('make the key of a new private swarm')
      .description(
        'Makes the key of a new private swarm and prints an invite. Only peers that start with --invite can connect to each other. Give it to nobody else: it is the key. --bootstrap puts addresses into the invite.',
      ),
  )
    .option('--key-file <file>', "also write the key to a new file, in libp2p's format")
    .action(runtime.action(createSwarm))
  const info = withSharedOptions(
    new Command('info')
      .summary('show what an invite carries')
      .description(
        'Shows what an invite carries. With --bootstrap it prints one with these addresses added.',
      )
      .argument('<invite>', 'an invite, or @FILE'),
  ).action(runtime.action(showInvite))
  return new Command('swarm')
    .description('Makes and reads invites to private swarms.')
    .addCommand(create)
    .addCommand(info)
}

async function createSwarm(session: Session, options: CreateOptions): Promise<undefined> {
  const { terminal, commandName } = session
  const swarmKey = createSwarmKey()
  const addresses = options.bootstrap ?? []
  const invite = encodeInvite({ swarmKey, bootstrap: addresses })
  if (options.keyFile !== undefined) await writeKey(options.keyFile, swarmKey)
  const name = swarmName(swarmKey)
  terminal.emit({ event: 'swarm', name, invite, addresses } as { event: 'swarm' })
  terminal.print(`Private swarm ${name}. Its invite, which is its key:\n\n  ${invite}\n\n`)
  terminal.print('Start its first peer; it prints an invite that carries its address as well:\n')
  terminal.print(`  ${commandName} bootstrap --invite ${invite}\n`)
  return undefined
}

async function writeKey(file: string, swarmKey: Uint8Array): Promise<void> {
  try {
    await writeFile(file, swarmKey, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw new UsageError(`--key-file: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function showInvite(
  session: Session,
  options: SharedOptions,
  [text = '']: readonly string[],
): Promise<undefined> {
  const { terminal } = session
  const invite = readInvite(text)
  const addresses = [...new Set([...invite.bootstrap, ...(options.bootstrap ?? [])])]
  const name = swarmName(invite.swarmKey)
  const widened = encodeInvite({ swarmKey: invite.swarmKey, bootstrap: addresses })
  terminal.emit({ event: 'swarm', name, invite: widened, addresses } as { event: 'swarm' })
  terminal.print(`Private swarm ${name}\n`)
  for (const address of addresses) terminal.print(`  ${address}\n`)
  if (addresses.length === 0)
    terminal.print('  no addresses: whoever uses it needs --bootstrap too\n')
  if (addresses.length > invite.bootstrap.length) terminal.print(`\n  ${widened}\n`)
  return undefined
}
