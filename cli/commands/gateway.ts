import { Command } from 'commander'
import { Registry } from 'prom-client'
import type { Client } from '../../client/index.ts'
import type { GatewayServer } from '../../gateway/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { loggedSession, openConsole, promptsFor } from '../console.ts'
import { serveControl } from '../control/index.ts'
import { finishAnswers, runUntilStopped, stopWithStdin } from '../daemon.ts'
import {
  apiView,
  askingSettings,
  type GatewayOptions,
  keysFor,
  liveGatewayParts,
  openGatewayServer,
  withGatewayOptions,
} from '../gateway-options.ts'
import { type ModelOptions, withModelOptions } from '../model-options.ts'
import { addHostMetrics } from '../monitor/index.ts'
import { openClient } from '../open-client.ts'
import { type FollowOptions, followConfig, withWatchOption } from '../reload/index.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  clientDirectory,
  clientNetworks,
  type SharedOptions,
  withSharedOptions,
} from '../shared-options.ts'
import { forgetDeadGateways } from '../status-file.ts'
import { openTracing, tracedClient } from '../tracing/index.ts'
import { usableUrls } from '../usable-urls.ts'
import { gatewayKeyCommand } from './gateway-key.ts'
import { gatewayUsageCommand } from './gateway-usage.ts'

interface RunOptions extends SharedOptions, ModelOptions, GatewayOptions, FollowOptions {
  readonly stopWithStdin?: boolean
}

export function gatewayCommand(runtime: Runtime): Command {
  const command = new Command('gateway').description(
    "Serves OpenAI's API and a console on this machine: set it as any client's base URL. It accepts only local connections unless --host is given.",
  )
  return withWatchOption(withGatewayOptions(withSharedOptions(withModelOptions(command))))
    .option(
      '--stop-with-stdin',
      'stop when stdin closes, so that the process ends with its supervisor',
    )
    .addCommand(gatewayKeyCommand(runtime))
    .addCommand(gatewayUsageCommand(runtime))
    .action(runtime.action(runGateway))
}

async function runGateway(plain: Session, options: RunOptions): Promise<undefined> {
  const { session, log } = loggedSession(plain)
  const { terminal } = session
  const [network] = clientNetworks(options, session.env)
  const dataDir = clientDirectory(options, session.env)
  using keys = await keysFor(session, options, dataDir)
  if (options.stopWithStdin === true) stopWithStdin(session)
  const prompts = promptsFor(session, options)
  await using tracing = await openTracing(session, 'gateway')
  await using client = await openClient(session, options, {
    ...askingSettings(options),
    ...tracedClient(tracing),
    ...(prompts !== undefined && { onPrompt: (id, prompt) => prompts.add(id, prompt) }),
    reportsClock: true,
  })
  const { swarmKey } = network.host
  await using pages = openConsole(session, options, {
    ...{ client, host: client.host, swarmKey, log, prompts, keys },
    api: () => apiView(server, options, keys),
  })
  const registry = new Registry()
  addHostMetrics(registry, client.host, { dataDir })
  await using server = await openGatewayServer(session, options, {
    ...{ client, dataDir, keys, pages, registry },
  })
  await using _following = followConfig<RunOptions>(
    session,
    options,
    liveGatewayParts(session, client, server),
  )
  announce(session, server, {
    clientId: client.host.peerId.toString(),
    swarms: client.swarms,
    keys: keys.current().map(({ name }) => name),
  })
  await forgetDeadGateways(dataDir)
  await using _control = await serveControl({
    ...{ dataDir, events: pages.events },
    onFault: (line) => terminal.log(line, { level: 'warn' }),
  })
  await runUntilStopped(session, {
    role: 'gateway',
    host: client.host,
    swarms: client.swarms,
    dataDir,
    models: () => [],
    url: server.url,
    running: () => client.running().length,
    ...(swarmKey !== undefined && { swarmKey }),
  })
  using _hold = finishAnswers(session, client.running().length)
  pages.close()
  await server.close()
  terminal.emit({ event: 'stopped' })
  return undefined
}

/** @param keys names of the API keys; empty if no key is required */
function announce(
  { terminal }: Session,
  { url }: GatewayServer,
  {
    clientId,
    swarms,
    keys,
  }: Pick<Client, 'swarms'> & { readonly clientId: string; readonly keys: readonly string[] },
): void {
  const inSwarms = swarms.map(({ name, host }) => ({ name, clientId: host.peerId.toString() }))
  const ready = { event: 'ready', url, clientId, keys } as const
  terminal.emit(inSwarms.length === 0 ? ready : ({ ...ready, swarms: inSwarms } as typeof ready))
  const [here = url, ...others] = usableUrls(url)
  const key =
    keys.length === 0
      ? 'any'
      : `required: one of ${keys.length} (${keys.map(plainLine).join(', ')})`
  terminal.print(
    `Gateway ready.\n\n  base URL  ${here}/v1\n${others.map((other) => `            ${other}/v1\n`).join('')}  console   ${here}/\n  API key   ${key}\n  ${clientIds(clientId, inSwarms)}\n`,
  )
  terminal.print('\nStop with Ctrl-C: running answers are finished first.\n')
}

/** One id, or one for each swarm. */
function clientIds(
  clientId: string,
  swarms: readonly { readonly name: string; readonly clientId: string }[],
): string {
  if (swarms.length === 0) return `client id ${clientId}`
  const lines = swarms.map(
    (swarm, at) =>
      `${swarm.name}${at === 0 ? ' (default)' : ''}: models ${swarm.name}/…, client id ${swarm.clientId}`,
  )
  return `swarms    ${lines.join('\n            ')}`
}
