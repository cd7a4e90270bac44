import { hostname } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { type CanaryMode, parseCanaryMode } from '../../client/index.ts'
import { type GatewayServer, type GatewayServerInit, serveGateway } from '../../gateway/index.ts'
import { DataDirLockedError, lockDataDir } from '../../host/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { diskFaultOf } from '../../storage/index.ts'
import { runUntilStopped, stopWithStdin } from '../daemon.ts'
import { readKeys } from '../gateway-keys.ts'
import { type ModelOptions, withModelOptions } from '../model-options.ts'
import { openClient } from '../open-client.ts'
import { connectionsWithin, openFileLimit } from '../open-files.ts'
import { addPeer, addValue, wholeNumber } from '../option-parsers.ts'
import type { Runtime, Session } from '../runtime.ts'
import { resolveNetwork, type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { forgetDeadGateways } from '../status-file.ts'
import { openTyped, UsageError } from '../usage-error.ts'
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
    "Serves OpenAI's API on this machine: set it as any client's base URL. It accepts only local connections unless --host is given.",
  )
  return withSharedOptions(withModelOptions(command))
    .option('--host <address>', 'listen here', '127.0.0.1')
    .option('--port <n>', '0 picks a free one', wholeNumber(0, 65_535), 4810)
    .option('--open', 'accept connections from other machines without an API key')
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
      '--stop-with-stdin',
      'stop when stdin closes, so that the process ends with its supervisor',
    )
    .addCommand(gatewayKeyCommand(runtime))
    .action(runtime.action(runGateway))
}

async function runGateway(session: Session, options: GatewayOptions): Promise<undefined> {
  const { terminal } = session
  const network = resolveNetwork(options, session.env, 'client')
  const [dataDir = ''] = network.dataDirs
  const apiKeys = await readKeys(dataDir)
  if (!LOOPBACK.test(options.host) && apiKeys.length === 0 && options.open !== true) {
    throw new UsageError(
      `on ${options.host} anyone who can reach this machine could use the gateway: create a key (${session.commandName} gateway key add NAME), or pass --open`,
    )
  }
  if (options.stopWithStdin === true) stopWithStdin(session)
  const { canaries, receipts, friend: friends } = options
  await using client = await openClient(session, options, {
    ...(canaries !== undefined && { canaries }),
    ...(receipts !== undefined && { receipts }),
    ...(friends !== undefined && { friends }),
  })
  const descriptors = openFileLimit(session)
  await using state = await lockState(session, dataDir)
  const { requestsPerMinute, tokensPerMinute, timeoutSeconds, corsOrigin, allowHost } = options
  const open = (init: GatewayServerInit): Promise<GatewayServer> =>
    openTyped(() => serveGateway(client, init))
  await using server = await open({
    host: options.host,
    port: options.port,
    ...(descriptors !== undefined && { maxConnections: connectionsWithin(descriptors) }),
    apiKeys,
    rateLimits: {
      ...(requestsPerMinute !== undefined && { requestsPerMinute }),
      ...(tokensPerMinute !== undefined && { tokensPerMinute }),
    },
    ...(corsOrigin !== undefined && { corsOrigins: corsOrigin }),
    allowedHosts: [hostname(), ...(allowHost ?? [])],
    ...(timeoutSeconds !== undefined && { timeoutMs: timeoutSeconds * 1_000 }),
    ...(state.directory !== undefined && { stateDir: state.directory }),
    log: (message) => terminal.log(message),
  })
  announce(session, server, {
    clientId: client.host.peerId.toString(),
    keys: apiKeys.map(({ name }) => name),
  })
  await forgetDeadGateways(dataDir)
  await runUntilStopped(session, {
    role: 'gateway',
    host: client.host,
    dataDir,
    models: () => [],
    url: server.url,
    ...(network.host.swarmKey !== undefined && { swarmKey: network.host.swarmKey }),
  })
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

interface LockedState extends AsyncDisposable {
  /** Absent if another gateway on this machine holds it, or the disk takes no file. */
  readonly directory?: string
}

/** The directory of files and batches; one gateway at a time may use it. */
async function lockState({ terminal }: Session, dataDir: string): Promise<LockedState> {
  const directory = join(dataDir, 'gateway')
  try {
    return { directory, [Symbol.asyncDispose]: await lockDataDir(directory) }
  } catch (error) {
    const fault = diskFaultOf(error)
    if (!(error instanceof DataDirLockedError) && fault === undefined) throw error
    const why = fault === undefined ? messageOf(error) : `${directory}: ${fault.reason}`
    terminal.log(`files and batches are disabled until the gateway is started again: ${why}`)
    return { [Symbol.asyncDispose]: () => Promise.resolve() }
  }
}

/** @param keys names of the API keys; empty if no key is required */
function announce(
  { terminal }: Session,
  { url }: GatewayServer,
  { clientId, keys }: { readonly clientId: string; readonly keys: readonly string[] },
): void {
  terminal.emit({ event: 'ready', url, clientId, keys } as { event: 'ready' })
  const key =
    keys.length === 0
      ? 'any'
      : `required: one of ${keys.length} (${keys.map(plainLine).join(', ')})`
  terminal.print(
    `Gateway ready.\n\n  base URL  ${url}/v1\n  API key   ${key}\n  client id ${clientId}\n`,
  )
  terminal.print('\nStop with Ctrl-C: running answers are finished first.\n')
}
