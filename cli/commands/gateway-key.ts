import { Command } from 'commander'
import { createApiKey } from '../../gateway/index.ts'
import { readKeys, writeKeys } from '../gateway-keys.ts'
import type { Runtime, Session } from '../runtime.ts'
import { resolveNetwork, type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { UsageError } from '../usage-error.ts'

/** `skein gateway key …`: who may use the gateway. Changes take effect at its next start. */
export function gatewayKeyCommand(runtime: Runtime): Command {
  const add = withSharedOptions(
    new Command('add')
      .summary('create a key; it is shown once')
      .argument('<name>', 'name of its user'),
  ).action(runtime.action(addKey))
  const list = withSharedOptions(new Command('list').summary('list the keys by name')).action(
    runtime.action(listKeys),
  )
  const remove = withSharedOptions(
    new Command('remove').summary('remove a key').argument('<name>', 'name of its user'),
  ).action(runtime.action(removeKey))
  return new Command('key')
    .summary('create, list and remove API keys')
    .description(
      'Creates, lists and removes API keys. Once a key exists, the gateway requires one. Only hashes are stored. Changes take effect at the next start.',
    )
    .addCommand(add)
    .addCommand(list)
    .addCommand(remove)
}

async function addKey(
  session: Session,
  options: SharedOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  const dataDir = dataDirOf(session, options)
  const keys = await readKeys(dataDir)
  if (keys.some((key) => key.name === name))
    throw new UsageError(`a key named ${name} already exists`)
  const { key, kept } = createApiKey(name)
  await writeKeys(dataDir, [...keys, kept])
  session.terminal.emit({ event: 'key', name, key } as { event: 'key' })
  session.terminal.print(`${key}\n\nIt is not shown again. Restart the gateway to accept it.\n`)
  return undefined
}

async function listKeys(session: Session, options: SharedOptions): Promise<undefined> {
  const names = (await readKeys(dataDirOf(session, options))).map(({ name }) => name)
  session.terminal.emit({ event: 'keys', names } as { event: 'keys' })
  session.terminal.print(names.length === 0 ? 'No keys.\n' : `${names.join('\n')}\n`)
  return undefined
}

async function removeKey(
  session: Session,
  options: SharedOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  const dataDir = dataDirOf(session, options)
  const keys = await readKeys(dataDir)
  const left = keys.filter((key) => key.name !== name)
  if (left.length === keys.length) throw new UsageError(`no key is named ${name}`)
  await writeKeys(dataDir, left)
  session.terminal.emit({ event: 'removed', name } as { event: 'removed' })
  session.terminal.print(`Removed the key of ${name}. Restart the gateway to reject it.\n`)
  return undefined
}

function dataDirOf(session: Session, options: SharedOptions): string {
  const [dataDir = ''] = resolveNetwork(options, session.env, 'client').dataDirs
  return dataDir
}
