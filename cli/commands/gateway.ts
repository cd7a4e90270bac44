import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { type CanaryMode, parseCanaryMode } from '../../client/index.ts'
import { type GatewayServer, serveGateway } from '../../gateway/index.ts'
import { DataDirLockedError, lockDataDir } from '../../host/index.ts'
import { stopWithStdin } from '../daemon.ts'
import { readKeys } from '../gateway-keys.ts'
import { type ModelOptions, withModelOptions } from '../model-options.ts'
import { openClient } from '../open-client.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  addValue,
  resolveNetwork,
  type SharedOptions,
  wholeNumber,
  withSharedOptions,
} from '../shared-options.ts'
import { UsageError } from '../usage-error.ts'
import { gatewayKeyCommand } from './gateway-key.ts'

const LOOPBACK = /^(127(\.\d+){3}|::1|localhost)$/

interface GatewayOptions extends SharedOptions, ModelOptions {
  readonly host: string
  readonly port: number
  readonly open?: boolean
  readonly corsOrigin?: readonly string[]
  readonly allowHost?: readonly string[]
  readonly requestsPerMinute?: number
  readonly tokensPerMinute?: number
  readonly timeoutSeconds?: number
  readonly canaries?: CanaryMode
  readonly receipts?: boolean
  readonly friend?: readonly string[]
  readonly stopWithStdin?: boolean
}

export function gatewayCommand(runtime: Runtime): Command {
  const command = new Command('gateway').description(
    "Serves OpenAI's API on this machine: point any client's base URL at it. It is open to this machine alone, unless --host says otherwise.",
  )
  return withSharedOptions(withModelOptions(command))
    .option('--host <address>', 'listen here', '127.0.0.1')
    .option('--port <n>', '0 picks a free one', wholeNumber(0), 4810)
    .option('--open', 'let in others than this machine without any key')
    .option('--cors-origin <origin>', 'let pages of this origin call; repeatable', addValue)
    .option('--allow-host <name>', 'another name of this gateway; repeatable', addValue)
    .option('--requests-per-minute <n>', 'for each key', wholeNumber(1))
    .option('--tokens-per-minute <n>', 'for each key', wholeNumber(1))
    .option('--timeout-seconds <n>', 'longest time for one request (default: 600)', wholeNumber(1))
    .option(
      '--canaries <mode>',
      'off, generated, or own-traffic (shows past requests of yours to unknown peers): what peers are tried with (default: generated)',
      canariesFrom,
    )
    .option(
      '--receipts',
      'sign for good answers, so that their nodes’ owners come before strangers; others see whom this client asks',
    )
    .option(
      '--friend <peer>',
      'whom this peer was well served by is no stranger; repeatable',
      addValue,
    )
    .option('--stop-with-stdin', 'stop once stdin closes: for supervisors that may die')
    .addCommand(gatewayKeyCommand(runtime))
    .action(runtime.action(runGateway))
}

async function runGateway(session: Session, options: GatewayOptions): Promise<undefined> {
  const { terminal, signal } = session
  const [dataDir = ''] = resolveNetwork(options, session.env, 'client').dataDirs
  const apiKeys = await readKeys(dataDir)
  if (!LOOPBACK.test(options.host) && apiKeys.length === 0 && options.open !== true) {
    throw new UsageError(
      `on ${options.host} anybody who reaches this machine could use the swarm through it: make a key (${session.commandName} gateway key add NAME), or say --open`,
    )
  }
  if (options.stopWithStdin === true) stopWithStdin(session)
  const { canaries, receipts, friend: friends } = options
  await using client = await openClient(session, options, {
    ...(canaries !== undefined && { canaries }),
    ...(receipts !== undefined && { receipts }),
    ...(friends !== undefined && { friends }),
  })
  await using state = await lockState(session, dataDir)
  const { requestsPerMinute, tokensPerMinute, timeoutSeconds, corsOrigin, allowHost } = options
  await using server = await serveGateway(client, {
    host: options.host,
    port: options.port,
    apiKeys,
    rateLimits: {
      ...(requestsPerMinute !== undefined && { requestsPerMinute }),
      ...(tokensPerMinute !== undefined && { tokensPerMinute }),
    },
    ...(corsOrigin !== undefined && { corsOrigins: corsOrigin }),
    ...(allowHost !== undefined && { allowedHosts: allowHost }),
    ...(timeoutSeconds !== undefined && { timeoutMs: timeoutSeconds * 1_000 }),
    ...(state.directory !== undefined && { stateDir: state.directory }),
    log: (message) => terminal.log(message),
  })
  announce(session, server, client.host.peerId.toString())
  await stopped(signal)
  terminal.print('Finishing running answers; Ctrl-C again drops them …\n')
  await server.close()
  terminal.emit({ event: 'stopped' })
  return undefined
}

function canariesFrom(text: string): CanaryMode {
  try {
    return parseCanaryMode(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}

interface LockedState extends AsyncDisposable {
  /** Absent where another gateway of this machine has it. */
  readonly directory?: string
}

/** The directory of files and batches, which is one gateway's at a time. */
async function lockState({ terminal }: Session, dataDir: string): Promise<LockedState> {
  const directory = join(dataDir, 'gateway')
  try {
    return { directory, [Symbol.asyncDispose]: await lockDataDir(directory) }
  } catch (error) {
    if (!(error instanceof DataDirLockedError)) throw error
    terminal.log(`no files and batches here: ${error.message}`)
    return { [Symbol.asyncDispose]: () => Promise.resolve() }
  }
}

function announce({ terminal }: Session, { url }: GatewayServer, clientId: string): void {
  terminal.emit({ event: 'ready', url, clientId } as { event: 'ready' })
  terminal.print(
    `Gateway ready.\n\n  base URL  ${url}/v1\n  API key   any, unless you made keys\n  client id ${clientId}\n`,
  )
  terminal.print('\nStop with Ctrl-C: running answers are finished first.\n')
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
