import { Command, InvalidArgumentError } from 'commander'
import { type ApiKey, createApiKey, type KeyRights, type RateLimits } from '../../gateway/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { changeKeys, readKeys } from '../gateway-keys.ts'
import { addValue, repeatable, wholeNumber } from '../option-parsers.ts'
import type { Runtime, Session } from '../runtime.ts'
import { clientDirectory, type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'

const DAY_MS = 86_400_000

/** Names of `--limit`. */
const LIMITS: ReadonlyMap<string, keyof RateLimits> = new Map([
  ['requests-per-minute', 'requestsPerMinute'],
  ['tokens-per-minute', 'tokensPerMinute'],
  ['requests-per-day', 'requestsPerDay'],
  ['tokens-per-day', 'tokensPerDay'],
])

const addLimit = repeatable((text: string): readonly [keyof RateLimits, number] => {
  const [what = '', number = ''] = text.split('=', 2)
  const limit = LIMITS.get(what.trim())
  if (limit === undefined) {
    throw new InvalidArgumentError(`It must be one of ${[...LIMITS.keys()].join('=N, ')}=N.`)
  }
  return [limit, wholeNumber(1)(number)]
})

interface AddOptions extends SharedOptions {
  readonly onlyModel?: readonly string[]
  readonly limit?: readonly (readonly [keyof RateLimits, number])[]
  readonly validDays?: number
}

/** `skein gateway key …`: who may use the gateway. A running gateway follows changes within seconds. */
export function gatewayKeyCommand(runtime: Runtime): Command {
  const add = withSharedOptions(
    new Command('add')
      .summary('create a key; it is shown once')
      .argument('<name>', 'name of its user'),
  )
    .option(
      '--only-model <name>',
      'a model, alias or chain that the key may use, and no other; repeatable',
      addValue,
    )
    .option(
      '--limit <what=n>',
      `${[...LIMITS.keys()].join(', ')}; instead of the gateway’s limits; repeatable`,
      addLimit,
    )
    .option('--valid-days <n>', 'days until the key expires', wholeNumber(1, 3_650))
    .action(runtime.action(addKey))
  const list = withSharedOptions(new Command('list').summary('list the keys by name')).action(
    runtime.action(listKeys),
  )
  const remove = withSharedOptions(
    new Command('remove').summary('remove a key').argument('<name>', 'name of its user'),
  ).action(runtime.action(removeKey))
  return new Command('key')
    .summary('create, list and remove API keys')
    .description(
      'Creates, lists and removes API keys. Once a key exists, the gateway requires one. Only hashes are stored. A running gateway follows changes within seconds.',
    )
    .addCommand(add)
    .addCommand(list)
    .addCommand(remove)
}

async function addKey(
  session: Session,
  options: AddOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  const dataDir = dataDirOf(session, options)
  if (name.trim() === '') throw new UsageError('a key needs a name')
  const { key, kept } = createApiKey(name, rightsOf(options))
  await changeKeys(dataDir, (keys) => {
    if (keys.some((other) => other.name === name)) {
      throw new UsageError(`a key named ${name} already exists`)
    }
    return [...keys, kept]
  })
  session.terminal.emit({ event: 'key', name, key } as { event: 'key' })
  session.terminal.print(
    `${key}\n\nIt is not shown again. A running gateway accepts it within seconds.\n`,
  )
  return undefined
}

function rightsOf({ onlyModel, limit = [], validDays }: AddOptions): KeyRights {
  return {
    ...Object.fromEntries(limit),
    ...(onlyModel !== undefined && { models: onlyModel }),
    ...(validDays !== undefined && { expiresAtMs: Date.now() + validDays * DAY_MS }),
  }
}

async function listKeys(session: Session, options: SharedOptions): Promise<undefined> {
  const { terminal } = session
  const keys = (await readKeys(dataDirOf(session, options))).map(({ hash: _, ...shown }) => shown)
  const names = keys.map(({ name }) => name)
  terminal.emit({ event: 'keys', names, keys } as { event: 'keys' })
  if (keys.length === 0) terminal.print('No keys.\n')
  else terminal.print(renderTable(['KEY', 'MODELS', 'LIMITS', 'EXPIRES'], keys.map(rowOf)))
  return undefined
}

function rowOf({ name, models, expiresAtMs, ...limits }: Omit<ApiKey, 'hash'>): string[] {
  const shown = [...LIMITS].flatMap(([what, limit]) => {
    return limits[limit] === undefined ? [] : [`${what}=${limits[limit]}`]
  })
  return [
    plainLine(name),
    models === undefined ? 'all' : plainLine(models.join(', ')),
    shown.length === 0 ? 'the gateway’s' : shown.join(', '),
    expiresAtMs === undefined ? 'never' : new Date(expiresAtMs).toISOString(),
  ]
}

async function removeKey(
  session: Session,
  options: SharedOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  const dataDir = dataDirOf(session, options)
  await changeKeys(dataDir, (keys) => {
    const left = keys.filter((key) => key.name !== name)
    if (left.length === keys.length) throw new UsageError(`no key is named ${name}`)
    return left
  })
  session.terminal.emit({ event: 'removed', name } as { event: 'removed' })
  session.terminal.print(
    `Removed the key of ${name}. A running gateway rejects it within seconds.\n`,
  )
  return undefined
}

function dataDirOf(session: Session, options: SharedOptions): string {
  return clientDirectory(options, session.env)
}
