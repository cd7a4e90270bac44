import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { Command } from 'commander'
import {
  createSwarm,
  createSwarmKey,
  encodeInvite,
  loadIdentity,
  sealBootstrapList,
} from '../../host/index.ts'
import { makeDirectory } from '../../storage/index.ts'
import { swarmName } from '../directories.ts'
import { openTyped } from '../open-typed.ts'
import { wholeNumber } from '../option-parsers.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  readInvite,
  resolveNetwork,
  type SharedOptions,
  withSharedOptions,
} from '../shared-options.ts'
import { chooseSwarm, swarmDirectory } from '../swarms/index.ts'
import { UsageError } from '../usage-error.ts'
import { memberCommands } from './swarm-members.ts'
import { ownSwarmCommands } from './swarm-own.ts'

const DAY_MS = 86_400_000

interface ListOptions extends SharedOptions {
  readonly validDays: number
}

interface CreateOptions extends SharedOptions {
  readonly keyFile?: string
  readonly machine?: string
  readonly ownerKey?: string
}

export function swarmCommand(runtime: Runtime): Command {
  const create = withSharedOptions(
    new Command('create')
      .summary('create a swarm with members, or the key of a private swarm')
      .description(
        'With a name: creates a swarm with members, and makes this machine its first admin. Others get in by `swarm invite` and `join`, and are taken out by `swarm revoke`. Without a name: creates the key of a private swarm without members and prints an invite, which contains the key; --bootstrap adds addresses to it.',
      )
      .argument('[name]', 'name of a swarm with members'),
  )
    .option(
      '--machine <name>',
      'name of this machine in a swarm with members (default: its host name)',
    )
    .option(
      '--owner-key <file>',
      "write the owner's key of a swarm with members to a new file, to be kept offline (default: beside the membership)",
    )
    .option('--key-file <file>', "also write the key to a new file, in libp2p's format")
    .action(runtime.action(created))
  const info = withSharedOptions(
    new Command('info')
      .summary('show the contents of an invite')
      .description(
        'Shows the contents of an invite. With --bootstrap it prints an invite with these addresses added.',
      )
      .argument('<invite>', 'an invite, or @FILE'),
  ).action(runtime.action(showInvite))
  const list = withSharedOptions(
    new Command('list').description(
      'Prints a list of bootstrap peers (--bootstrap, repeatable), signed by the identity in --data-dir, for publication at a URL. Peers join with --bootstrap URL#SIGNER.',
    ),
  )
    .option('--valid-days <n>', 'days until the list expires', wholeNumber(1, 3_650), 365)
    .action(runtime.action(printList))
  const swarm = new Command('swarm')
    .description('Creates swarms with members and private swarms, and lets machines in and out.')
    .addCommand(create)
    .addCommand(info)
    .addCommand(list)
  for (const command of [...memberCommands(runtime), ...ownSwarmCommands(runtime)]) {
    swarm.addCommand(command)
  }
  return swarm
}

async function created(
  session: Session,
  options: CreateOptions,
  [name]: readonly string[],
): Promise<undefined> {
  if (name !== undefined) await createWithMembers(session, options, name)
  else await createPrivate(session, options)
  return undefined
}

async function createWithMembers(
  { terminal, commandName, env }: Session,
  { machine, ownerKey, keyFile }: CreateOptions,
  name: string,
): Promise<void> {
  if (keyFile !== undefined) {
    throw new UsageError('--key-file is for a private swarm without members: leave it out')
  }
  const directory = swarmDirectory(env, name)
  await openTyped(() =>
    createSwarm(directory, {
      name,
      memberName: machine ?? hostname(),
      ...(ownerKey !== undefined && { ownerKeyFile: ownerKey }),
    }),
  )
  await chooseSwarm(env, name)
  const keyPath = ownerKey ?? join(directory, 'owner.key')
  terminal.emit({ event: 'swarm', name, directory, ownerKey: keyPath } as { event: 'swarm' })
  terminal.print(
    [
      `Swarm ${name}: this machine is its first admin, and from now on its commands are in it.`,
      `The owner's key is in ${keyPath}. Only it makes admins and takes them out: keep a copy offline.`,
      '',
      `  ${commandName} up                          start this machine`,
      `  ${commandName} swarm invite --name NAME    invite another`,
      '',
    ].join('\n'),
  )
}

async function createPrivate(session: Session, options: CreateOptions): Promise<undefined> {
  const { terminal, commandName } = session
  const swarmKey = createSwarmKey()
  const addresses = options.bootstrap ?? []
  const invite = encodeInvite({ swarmKey, bootstrap: addresses })
  if (options.keyFile !== undefined) await writeKey(options.keyFile, swarmKey)
  const name = swarmName(swarmKey)
  terminal.emit({ event: 'swarm', name, invite, addresses } as { event: 'swarm' })
  terminal.print(`Private swarm ${name}. Its invite, which contains the key:\n\n  ${invite}\n\n`)
  terminal.print('Start its first peer; it prints an invite that also contains its address:\n')
  terminal.print(`  ${commandName} bootstrap --invite ${invite}\n`)
  return undefined
}

async function printList(session: Session, options: ListOptions): Promise<undefined> {
  const { terminal, env } = session
  const { host, dataDirs } = resolveNetwork(options, env, 'bootstrap')
  const [dataDir = '.'] = dataDirs
  await makeDirectory(dataDir)
  const key = await loadIdentity(join(dataDir, 'identity.key'))
  const issuedAtMs = Date.now()
  const list = await openTyped(() =>
    sealBootstrapList(
      {
        addresses: host.bootstrap ?? [],
        issuedAtMs,
        expiresAtMs: issuedAtMs + options.validDays * DAY_MS,
      },
      key,
    ),
  )
  const signer = peerIdFromPrivateKey(key).toString()
  terminal.emit({ event: 'list', signer, list } as { event: 'list' })
  terminal.print(list)
  terminal.log(`Publish it, and join with --bootstrap https://<where it is>#${signer}`)
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
    terminal.print('  no addresses: joining with it also needs --bootstrap\n')
  if (addresses.length > invite.bootstrap.length) terminal.print(`\n  ${widened}\n`)
  return undefined
}
