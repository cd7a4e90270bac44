import { Command, InvalidArgumentError, Option } from 'commander'
import type { ApiKey, KeyBudget, KeyPriority, KeyRights, RateLimits } from '../../gateway/index.ts'
import { defined, plainLine } from '../../protocol/index.ts'
import { shortId } from '../explain/index.ts'
import { keysPath, readKeys } from '../gateway-keys.ts'
import { keysOption } from '../gateway-options.ts'
import { KeyBook } from '../key-book.ts'
import { addPeer, addValue, repeatable, wholeNumber } from '../option-parsers.ts'
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

const BUDGET = /^(\d+)(?:\/(day|month))?$/

function budgetFrom(text: string): KeyBudget {
  const [, number = '', per = 'ever'] = BUDGET.exec(text.trim()) ?? []
  const tokens = Number(number)
  if (Number.isSafeInteger(tokens) && tokens > 0) return { tokens, per: per as KeyBudget['per'] }
  throw new InvalidArgumentError(
    'It must be a number of tokens, in all or for a period: 5000000, 5000000/month or 200000/day.',
  )
}

/** Names of `--lift`, and the rights that are then no longer restricted. */
const LIFTED: ReadonlyMap<string, readonly (keyof KeyRights)[]> = new Map([
  ['models', ['models']],
  ['metrics', ['onlyMetrics']],
  ['peers', ['peers']],
  ['providers', ['providers']],
  ['limits', [...LIMITS.values()]],
  ['budget', ['budget']],
  ['priority', ['priority']],
  ['expiry', ['expiresAtMs']],
])

const addLifted = repeatable((text: string): readonly (keyof KeyRights)[] => {
  const rights = LIFTED.get(text)
  if (rights !== undefined) return rights
  throw new InvalidArgumentError(`It must be one of ${[...LIFTED.keys()].join(', ')}.`)
})

interface KeyOptions extends SharedOptions {
  readonly keys?: string
}

interface RightsOptions extends KeyOptions {
  readonly onlyModel?: readonly string[]
  readonly onlyPeer?: readonly string[]
  readonly onlyProvider?: readonly string[]
  readonly onlyMetrics?: boolean
  readonly limit?: readonly (readonly [keyof RateLimits, number])[]
  readonly budget?: KeyBudget
  readonly priority?: KeyPriority
  readonly validDays?: number
}

interface ChangeOptions extends RightsOptions {
  readonly lift?: readonly (readonly (keyof KeyRights)[])[]
}

/** `skein gateway key …`: who may use the gateway. A running gateway follows changes within seconds. */
export function gatewayKeyCommand(runtime: Runtime): Command {
  const add = withRights(
    new Command('add').alias('create').summary('create a key; it is shown once'),
  ).action(runtime.action(addKey))
  const change = withRights(
    new Command('change').summary('give a key other rights; those that are not named stay'),
  )
    .addOption(
      new Option('--lift <right>', 'take a restriction away; repeatable')
        .choices([...LIFTED.keys()])
        .argParser(addLifted),
    )
    .action(runtime.action(changeKey))
  const list = withSharedOptions(new Command('list').summary('list the keys by name'))
    .addOption(keysOption())
    .action(runtime.action(listKeys))
  const remove = withSharedOptions(
    new Command('remove')
      .alias('revoke')
      .summary('remove a key, and end its running answers')
      .argument('<name>', 'name of its user'),
  )
    .addOption(keysOption())
    .action(runtime.action(removeKey))
  return new Command('key')
    .summary('create, list, change and remove API keys')
    .description(
      'Creates, lists, changes and removes API keys. Once a key exists, the gateway requires one. Only hashes are stored. A running gateway follows changes within seconds.',
    )
    .addCommand(add)
    .addCommand(list)
    .addCommand(change)
    .addCommand(remove)
}

function withRights(command: Command): Command {
  return withSharedOptions(command.argument('<name>', 'name of its user'))
    .addOption(keysOption())
    .option(
      '--only-model <name>',
      'a model, alias or chain that the key may use, and no other; repeatable',
      addValue,
    )
    .option(
      '--only-peer <peer>',
      'a peer that may see the key’s requests, and no other; repeatable',
      addPeer,
    )
    .option(
      '--only-provider <name>',
      'a provider of your own that the key may use, and no other; repeatable; none: no provider',
      addValue,
    )
    .option('--only-metrics', 'the key reads the metrics, and does nothing else')
    .option(
      '--limit <what=n>',
      `${[...LIMITS.keys()].join(', ')}; instead of the gateway’s limits; repeatable`,
      addLimit,
    )
    .addOption(
      new Option(
        '--budget <tokens>',
        'tokens in all, or with /month or /day for each (UTC); counted across restarts',
      ).argParser(budgetFrom),
    )
    .addOption(
      new Option(
        '--priority <class>',
        'while requests wait, high has four turns for one of normal, and normal four for one of low (default: normal)',
      ).choices(['low', 'normal', 'high']),
    )
    .option('--valid-days <n>', 'days until the key expires', wholeNumber(1, 3_650))
}

async function addKey(
  session: Session,
  options: RightsOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  const key = await new KeyBook(pathOf(session, options)).add(name, rightsOf(options))
  session.terminal.emit({ event: 'key', name, key } as { event: 'key' })
  session.terminal.print(
    `${key}\n\nIt is not shown again. A running gateway accepts it within seconds.\n`,
  )
  return undefined
}

async function changeKey(
  session: Session,
  { lift = [], ...options }: ChangeOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  const given = rightsOf(options)
  const lifted = lift.flat()
  const both = lifted.find((right) => given[right] !== undefined)
  if (both !== undefined)
    throw new UsageError(`--lift takes away what another option sets: ${both}`)
  const rights = { ...given, ...Object.fromEntries(lifted.map((right) => [right, null])) }
  if (Object.keys(rights).length === 0) {
    throw new UsageError(
      'name what to change, e.g. --budget 5000000/month, --priority high or --lift models',
    )
  }
  await new KeyBook(pathOf(session, options)).change(name, rights)
  session.terminal.emit({ event: 'changed', name } as { event: 'changed' })
  session.terminal.print(`Changed the key of ${name}. A running gateway follows within seconds.\n`)
  return undefined
}

function rightsOf(options: RightsOptions): KeyRights {
  const { onlyModel, onlyPeer, onlyProvider, onlyMetrics } = options
  const { budget, priority, limit = [], validDays } = options
  const providers = onlyProvider?.filter((provider) => provider !== 'none')
  return {
    ...Object.fromEntries(limit),
    ...defined({ models: onlyModel, peers: onlyPeer, providers, priority }),
    ...(onlyMetrics === true && { onlyMetrics }),
    ...(budget !== undefined && { budget }),
    ...(validDays !== undefined && { expiresAtMs: Date.now() + validDays * DAY_MS }),
  }
}

async function listKeys(session: Session, options: KeyOptions): Promise<undefined> {
  const { terminal } = session
  const keys = (await readKeys(pathOf(session, options))).map(({ hash: _, ...shown }) => shown)
  const names = keys.map(({ name }) => name)
  terminal.emit({ event: 'keys', names, keys } as { event: 'keys' })
  if (keys.length === 0) terminal.print('No keys.\n')
  else terminal.print(renderTable(HEAD, keys.map(rowOf)))
  return undefined
}

const HEAD = ['KEY', 'MODELS', 'PEERS', 'PROVIDERS', 'LIMITS', 'BUDGET', 'PRIORITY', 'EXPIRES']

function rowOf(key: Omit<ApiKey, 'hash'>): string[] {
  const { name, models, peers, providers, budget, priority = 'normal', expiresAtMs } = key
  const { onlyMetrics = false } = key
  const shown = [...LIMITS].flatMap(([what, limit]) => {
    return key[limit] === undefined ? [] : [`${what}=${key[limit]}`]
  })
  return [
    plainLine(name),
    onlyMetrics ? 'none: metrics only' : listed(models),
    peers === undefined ? 'all' : peers.map(shortId).join(', '),
    providers === undefined && peers !== undefined ? 'none' : listed(providers),
    shown.length === 0 ? 'the gateway’s' : shown.join(', '),
    budget === undefined ? '-' : `${budget.tokens}${budget.per === 'ever' ? '' : `/${budget.per}`}`,
    priority,
    expiresAtMs === undefined ? 'never' : new Date(expiresAtMs).toISOString(),
  ]
}

function listed(names: readonly string[] | undefined): string {
  if (names === undefined) return 'all'
  return names.length === 0 ? 'none' : plainLine(names.join(', '))
}

async function removeKey(
  session: Session,
  options: KeyOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  await new KeyBook(pathOf(session, options)).remove(name)
  session.terminal.emit({ event: 'removed', name } as { event: 'removed' })
  session.terminal.print(
    `Removed the key of ${name}. A running gateway rejects it, and ends its answers, within seconds.\n`,
  )
  return undefined
}

function pathOf(session: Session, options: KeyOptions): string {
  return keysPath(clientDirectory(options, session.env), options)
}
