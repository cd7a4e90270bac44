import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { Command } from 'commander'
import { createSwarmKey, encodeInvite, loadIdentity, sealBootstrapList } from '../../host/index.ts'
import { makeDirectory } from '../../storage/index.ts'
import { swarmName } from '../directories.ts'
import { wholeNumber } from '../option-parsers.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  readInvite,
  resolveNetwork,
  type SharedOptions,
  withSharedOptions,
} from '../shared-options.ts'
import { openTyped, UsageError } from '../usage-error.ts'

const DAY_MS = 86_400_000

interface ListOptions extends SharedOptions {
  readonly validDays: number
}

interface CreateOptions extends SharedOptions {
  readonly keyFile?: string
}

export function swarmCommand(runtime: Runtime): Command {
  const create = withSharedOptions(
    new Command('create')
      .summary('create the key of a new private swarm')
      .description(
        'Creates the key of a new private swarm and prints an invite. Only peers started with --invite can connect to each other. The invite contains the key: share it only with members. --bootstrap adds addresses to the invite.',
      ),
  )
    .option('--key-file <file>', "also write the key to a new file, in libp2p's format")
    .action(runtime.action(createSwarm))
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
  return new Command('swarm')
    .description('Creates and reads invites to private swarms.')
    .addCommand(create)
    .addCommand(info)
    .addCommand(list)
}

async function createSwarm(session: Session, options: CreateOptions): Promise<undefined> {
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
