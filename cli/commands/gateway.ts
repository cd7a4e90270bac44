import { Command } from 'commander'
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
import { openClient } from '../open-client.ts'
import { type FollowOptions, followConfig, withWatchOption } from '../reload/index.ts'
import type { Runtime, Session } from '../runtime.ts'
import { resolveNetwork, type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { forgetDeadGateways } from '../status-file.ts'
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
  const network = resolveNetwork(options, session.env, 'client')
  const [dataDir = ''] = network.dataDirs
  using keys = await keysFor(session, options, dataDir)
  if (options.stopWithStdin === true) stopWithStdin(session)
  const prompts = promptsFor(session, options)
  await using client = await openClient(session, options, {
    ...askingSettings(options),
    ...(prompts !== undefined && { onPrompt: (id, prompt) => prompts.add(id, prompt) }),
    reportsClock: true,
  })
  const { swarmKey } = network.host
  await using pages = openConsole(session, {
    ...{ client, host: client.host, swarmKey, log, prompts },
    api: () => apiView(server, options, keys),
  })
  await using server = await openGatewayServer(session, options, {
    ...{ client, dataDir, keys, pages },
  })
  await using _following = followConfig<RunOptions>(
    session,
    options,
    liveGatewayParts(session, client, server),
  )
  announce(session, server, {
    clientId: client.host.peerId.toString(),
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
  { clientId, keys }: { readonly clientId: string; readonly keys: readonly string[] },
): void {
  terminal.emit({ event: 'ready', url, clientId, keys } as { event: 'ready' })
  const [here = url, ...others] = usableUrls(url)
  const key =
    keys.length === 0
      ? 'any'
      : `required: one of ${keys.length} (${keys.map(plainLine).join(', ')})`
  terminal.print(
    `Gateway ready.\n\n  base URL  ${here}/v1\n${others.map((other) => `            ${other}/v1\n`).join('')}  console   ${here}/\n  API key   ${key}\n  client id ${clientId}\n`,
  )
  terminal.print('\nStop with Ctrl-C: running answers are finished first.\n')
}
