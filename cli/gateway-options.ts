import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Registry } from 'prom-client'
import { type CanaryMode, type Client, type ClientInit, parseCanaryMode } from '../client/index.ts'
import type { JoinView } from '../console/index.ts'
import {
  type GatewayPages,
  type GatewayServer,
  type GatewayServerInit,
  type LiveSettings,
  type LocalModels,
  serveGateway,
} from '../gateway/index.ts'
import { DataDirLockedError, lockDataDir } from '../host/index.ts'
import { defined } from '../protocol/index.ts'
import { diskFaultOf } from '../storage/index.ts'
import { keysPath, type LiveKeys, watchKeys } from './gateway-keys.ts'
import { ownHost } from './loopback.ts'
import { MODEL_SETTINGS, type ModelOptions, modelsOf } from './model-options.ts'
import { connectionsWithin, openFileLimit } from './open-files.ts'
import { openTyped } from './open-typed.ts'
import { addPeer, addValue, nonEmptyText, wholeNumber } from './option-parsers.ts'
import type { LivePart } from './reload/index.ts'
import type { Session } from './runtime.ts'
import { UsageCounter, UsageFile } from './usage/index.ts'
import { UsageError } from './usage-error.ts'

const LOOPBACK = /^(127(\.\d+){3}|::1|localhost)$/

/** What the commands that serve the gateway have in common. */
export interface GatewayOptions {
  readonly host: string
  readonly port: number
  readonly open?: boolean
  readonly keys?: string
  readonly corsOrigin?: readonly string[]
  readonly allowHost?: readonly string[]
  readonly requestsPerMinute?: number
  readonly tokensPerMinute?: number
  readonly timeoutSeconds?: number
  readonly canaries?: CanaryMode
  readonly receipts?: boolean
  readonly friend?: readonly string[]
  readonly recordPrompts?: boolean
}

export function withGatewayOptions(command: Command): Command {
  return command
    .option('--host <address>', 'listen here', '127.0.0.1')
    .option('--port <n>', '0 picks a free one', wholeNumber(0, 65_535), 4810)
    .option('--open', 'accept connections from other machines without an API key')
    .addOption(keysOption())
    .option(
      '--cors-origin <origin>',
      'allow requests from web pages of this origin; repeatable',
      addValue,
    )
    .option('--allow-host <name>', 'another name of this gateway; repeatable', addValue)
    .option('--requests-per-minute <n>', 'for each key', wholeNumber(1))
    .option('--tokens-per-minute <n>', 'for each key', wholeNumber(1))
    .option('--timeout-seconds <n>', 'limit for one request (default: 600)', wholeNumber(1))
    .option(
      '--canaries <mode>',
      'test prompts for unproven peers: off, generated, or own-traffic (shows them your past requests) (default: generated)',
      canariesFrom,
    )
    .option(
      '--receipts',
      'sign receipts for good answers, which give the nodes’ owners priority over strangers; other peers see which nodes this client asks',
    )
    .option(
      '--friend <peer>',
      'a trusted peer: peers that served it well are not treated as strangers; repeatable',
      addPeer,
    )
    .option(
      '--record-prompts',
      'keep what the last requests asked in memory, and show it in the console (default: prompts are not kept)',
    )
}

/** Where API keys are kept. */
export function keysOption(): Option {
  return new Option(
    '--keys <file>',
    'file of API keys, which several gateways may share (default: in the data directory)',
  ).argParser(nonEmptyText)
}

/**
 * The keys of the gateway that uses this directory.
 *
 * @throws UsageError if others could use the gateway without a key
 */
export async function keysFor(
  { commandName, terminal }: Session,
  { host, open, ...options }: GatewayOptions,
  dataDir: string,
): Promise<LiveKeys> {
  const keys = await watchKeys(keysPath(dataDir, options), (line) => terminal.log(line))
  if (!LOOPBACK.test(host) && keys.current().length === 0 && open !== true) {
    keys[Symbol.dispose]()
    throw new UsageError(
      `on ${host} anyone who can reach this machine could use the gateway: create a key (${commandName} gateway key add NAME), or pass --open`,
    )
  }
  return keys
}

/** Who may use the API, for the console. */
export function apiView(
  { url }: Pick<GatewayServer, 'url'>,
  { host }: Pick<GatewayOptions, 'host'>,
  keys: LiveKeys,
): NonNullable<JoinView['api']> {
  return { url: `${url}/v1`, isLocal: LOOPBACK.test(host), keys: keys.current().length }
}

/** The part of the options that concerns the client. */
export function askingSettings({
  canaries,
  receipts,
  friend: friends,
}: GatewayOptions): Pick<ClientInit, 'canaries' | 'friends' | 'receipts'> {
  return {
    ...defined({ canaries, receipts, friends }),
  }
}

export interface GatewayParts {
  readonly client: Client
  readonly dataDir: string
  readonly keys: LiveKeys
  readonly pages: GatewayPages
  /** Metrics of its host, and of its node. */
  readonly registry: Registry
  /** Absent if this process has no models of its own. */
  readonly localModels?: LocalModels | undefined
}

/** Serves the gateway with its pages, and holds the directory of files and batches while it is open. */
export async function openGatewayServer(
  session: Session,
  options: GatewayOptions,
  { client, dataDir, keys, pages, localModels, registry }: GatewayParts,
): Promise<GatewayServer> {
  const { terminal } = session
  const descriptors = openFileLimit(session)
  const state = await lockState(session, dataDir)
  // Gateways with one data directory count together.
  const usage = await openUsage(
    session,
    state.fault === undefined ? join(dataDir, STATE_DIR) : undefined,
  )
  const init: GatewayServerInit = {
    host: ownHost(options.host),
    port: options.port,
    ...(descriptors !== undefined && { maxConnections: connectionsWithin(descriptors) }),
    apiKeys: () => keys.current(),
    pages,
    moreMetrics: async () => await registry.metrics(),
    ...(localModels !== undefined && { localModels }),
    ...liveSettings(options),
    ...(state.directory !== undefined && { stateDir: state.directory }),
    ...(usage !== undefined && {
      onUsage: (used) => usage.add(used),
      spentTokens: (key, sinceMs) => usage.tokensOf(key, sinceMs),
    }),
    log: (message, about) => terminal.log(message, { level: 'error', ...about }),
  }
  try {
    const server = await openTyped(() => serveGateway(client, init))
    let closed: Promise<void> | undefined
    const close = async (): Promise<void> => {
      closed ??= server.close().then(async () => {
        usage?.[Symbol.dispose]()
        await state[Symbol.asyncDispose]()
      })
      await closed
    }
    return { ...server, close, [Symbol.asyncDispose]: close }
  } catch (error) {
    usage?.[Symbol.dispose]()
    await state[Symbol.asyncDispose]()
    throw error
  }
}

/** What a running gateway can take over. */
function liveSettings(options: GatewayOptions): LiveSettings {
  const { requestsPerMinute, tokensPerMinute, timeoutSeconds, corsOrigin, allowHost } = options
  const isForOthers = options.open === true || (allowHost ?? []).length > 0
  return {
    rateLimits: defined({ requestsPerMinute, tokensPerMinute }),
    ...(corsOrigin !== undefined && { corsOrigins: corsOrigin }),
    allowedHosts: [hostname(), ...(allowHost ?? [])],
    trustsLoopback: !isForOthers,
    ...(timeoutSeconds !== undefined && { timeoutMs: timeoutSeconds * 1_000 }),
  }
}

/** The settings of a gateway and its client that hold without a restart. */
export function liveGatewayParts(
  { env }: Pick<Session, 'env'>,
  client: Pick<Client, 'rename'>,
  server: Pick<GatewayServer, 'update'>,
): LivePart<GatewayOptions & ModelOptions>[] {
  return [
    { settings: MODEL_SETTINGS, apply: (options) => client.rename(modelsOf(options, env)) },
    {
      settings: [
        'requests-per-minute',
        'tokens-per-minute',
        'timeout-seconds',
        'cors-origin',
        'allow-host',
      ],
      apply: (options) => server.update(liveSettings(options)),
    },
  ]
}

function canariesFrom(text: string): CanaryMode {
  try {
    return parseCanaryMode(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** @returns undefined if usage cannot be counted, which is no reason not to serve */
async function openUsage(
  { terminal }: Session,
  directory: string | undefined,
): Promise<(Pick<UsageCounter, 'add' | 'tokensOf'> & Disposable) | undefined> {
  if (directory === undefined) return undefined
  const report = (what: string, error: unknown): void =>
    terminal.log(`usage is not ${what}: ${messageOf(error)}`, { level: 'warn' })
  try {
    const file = await UsageFile.open(directory, Date.now, (message) =>
      terminal.log(message, { level: 'warn' }),
    )
    const counter = new UsageCounter({
      file,
      onFailure: (error) => report('written, and kept in memory for now', error),
    })
    return {
      add: (used) => counter.add(used),
      tokensOf: (key, sinceMs) => counter.tokensOf(key, sinceMs),
      [Symbol.dispose]: () => file[Symbol.dispose](),
    }
  } catch (error) {
    report('counted', error)
    return undefined
  }
}

/** In the data directory: files, batches and usage. */
const STATE_DIR = 'gateway'

interface LockedState extends AsyncDisposable {
  /** Absent if another gateway on this machine holds it, or the disk takes no file. */
  readonly directory?: string
  /** Why the disk takes no file. */
  readonly fault?: string
}

/** The directory of files and batches; one gateway at a time may use it. */
async function lockState({ terminal }: Session, dataDir: string): Promise<LockedState> {
  const directory = join(dataDir, STATE_DIR)
  try {
    return { directory, [Symbol.asyncDispose]: await lockDataDir(directory) }
  } catch (error) {
    const fault = diskFaultOf(error)
    if (!(error instanceof DataDirLockedError) && fault === undefined) throw error
    const why = fault === undefined ? messageOf(error) : `${directory}: ${fault.reason}`
    terminal.log(`files and batches are disabled until the gateway is started again: ${why}`, {
      level: 'warn',
    })
    return {
      ...(fault !== undefined && { fault: fault.reason }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }
}
