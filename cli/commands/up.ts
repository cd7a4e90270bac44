import { Command } from 'commander'
import { renderUnicodeCompact } from 'uqr'
import { Membership } from '../../host/index.ts'
import type { Node } from '../../node/index.ts'
import { createPeer, type Peer } from '../../peer/index.ts'
import { defined } from '../../protocol/index.ts'
import { loggedSession, openConsole, promptsFor } from '../console.ts'
import { serveControl } from '../control/index.ts'
import { finishAnswers, runUntilStopped, stopWithStdin } from '../daemon.ts'
import { firstFree } from '../data-directory.ts'
import { dataDirectories } from '../directories.ts'
import {
  apiView,
  askingSettings,
  type GatewayOptions,
  keysFor,
  liveGatewayParts,
  openGatewayServer,
  withGatewayOptions,
} from '../gateway-options.ts'
import { hostSettings } from '../host-settings.ts'
import { inviteFor } from '../invite.ts'
import { inviteCommand, joinCommand, membersOf } from '../join-line.ts'
import { ModelDesk } from '../local-models/index.ts'
import { type ModelOptions, modelsOf, withModelOptions } from '../model-options.ts'
import { addHostMetrics, NodeMetrics } from '../monitor/index.ts'
import { openTyped } from '../open-typed.ts'
import { addValue, byteSize, wholeNumber } from '../option-parsers.ts'
import { useProxy } from '../proxy.ts'
import { firstReachability } from '../reachability.ts'
import { type RelayOptions, withRelayOptions } from '../relay-options.ts'
import {
  type FollowOptions,
  followConfig,
  type LivePart,
  withWatchOption,
} from '../reload/index.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  memberSwarm,
  type Network,
  resolveNetwork,
  type SharedOptions,
  withSharedOptions,
} from '../shared-options.ts'
import { openTracing, tracedClient } from '../tracing/index.ts'
import { chooseShared, ownSwarm, rememberChoice, type ShareOptions } from '../up/index.ts'

interface UpOptions
  extends SharedOptions,
    ModelOptions,
    GatewayOptions,
    RelayOptions,
    ShareOptions,
    FollowOptions {
  readonly private?: boolean
  readonly stopWithStdin?: boolean
}

export function upCommand(runtime: Runtime): Command {
  const command = new Command('up').description(
    'Shares models of this machine, answers requests with those of the swarm, and serves the console, in one process.',
  )
  return withWatchOption(
    withGatewayOptions(withRelayOptions(withSharedOptions(withModelOptions(command)))),
  )
    .option('--share <model>', 'a model of the engine to share; repeatable', addValue)
    .option('--demo', 'share the bundled model, which needs no engine')
    .option('--backend <which>', 'auto, embedded, or the URL of an engine', 'auto')
    .option('--model <source>', 'a GGUF file to share: path, https URL, or hf:org/repo/file')
    .option('--slots <n>', 'requests of others served at once', wholeNumber(1))
    .option(
      '--max-memory <size>',
      'memory for all models of the embedded engine together, such as 8G; the least recently used leaves for another (default: three quarters of the machine’s)',
      byteSize,
    )
    .option('--gpu', 'let the embedded engine use a GPU (needs a separate install, see the README)')
    .option(
      '--private',
      'start a private swarm of your own, and remember it: only machines with its invite can join',
    )
    .option(
      '--stop-with-stdin',
      'stop when stdin closes, so that the process ends with its supervisor',
    )
    .action(runtime.action(runUp))
}

async function runUp(plain: Session, options: UpOptions): Promise<undefined> {
  const { session, log } = loggedSession(plain)
  const { terminal, env, signal } = session
  const typed = resolveNetwork(options, env, 'up')
  const network = await ownSwarm(session, typed, options)
  const { swarmKey } = network.host
  // Keys and batches are those of `skein gateway`.
  const [gatewayDir = ''] =
    options.dataDir === undefined
      ? dataDirectories(env, 'client', {
          ...{ swarmKey, name: options.swarmName },
          members: memberSwarm(options, env)?.name,
        })
      : [options.dataDir]
  using keys = await keysFor(session, options, gatewayDir)
  if (options.stopWithStdin === true) stopWithStdin(session)
  const engine = (await mayServe(session, network))
    ? await chooseShared(session, options, network.dataDirs[0] ?? gatewayDir)
    : undefined
  await using _backend = engine?.backend
  const named = modelsOf(options, env)
  if (named.providers !== undefined && named.providers.length > 0) useProxy(session)
  await using tracing = await openTracing(session, 'up')
  const metrics = new NodeMetrics()
  const settings = hostSettings(session, network, options)
  const prompts = promptsFor(session, options)
  const { opened: peer, dataDir } = await openTyped(() =>
    firstFree(network.dataDirs, async (dataDir) =>
      createPeer({
        host: await settings(dataDir),
        ...(engine !== undefined && { backend: engine.backend }),
        ...(engine?.share !== undefined && { share: engine.share }),
        ...(engine?.startEmpty !== undefined && { startEmpty: engine.startEmpty }),
        ...(options.slots !== undefined && { slots: options.slots }),
        onRequest: (request) => {
          metrics.observe(request)
          tracing?.served(request)
        },
        asks: {
          ...named,
          ...askingSettings(options),
          ...tracedClient(tracing),
          ...(prompts !== undefined && { onPrompt: (id, prompt) => prompts.add(id, prompt) }),
        },
      }),
    ),
  )
  await using _peer = peer
  const { client, host, node } = peer
  if (node === undefined) addHostMetrics(metrics.registry, host, { dataDir })
  else metrics.attach(node, dataDir)
  const manager = engine?.backend.manager
  using desk =
    manager === undefined || node === undefined
      ? undefined
      : new ModelDesk({
          ...{ manager, node },
          remember: async (names) => await rememberChoice(dataDir, names),
        })
  await using pages = openConsole(session, options, {
    ...{ client, host, swarmKey, node, log, desk, prompts, keys },
    api: () => apiView(server, options, keys),
  })
  await using server = await openGatewayServer(session, options, {
    ...{ client, dataDir: gatewayDir, keys, pages, localModels: desk, registry: metrics.registry },
  })
  await using _following = followConfig<UpOptions>(session, options, [
    ...liveGatewayParts(session, client, server),
    ...(node === undefined ? [] : [sharePart(node, engine?.share)]),
  ])
  await using _control = await serveControl({
    ...{ dataDir, desk, events: pages.events },
    onFault: (line) => session.terminal.log(line, { level: 'warn' }),
  })
  const running = (): number => client.running().length + (node?.load().inFlight ?? 0)
  if (!signal.aborted) {
    await firstReachability(session, host)
    announce(session, peer, network, server.url)
    await runUntilStopped(session, {
      role: 'up',
      host,
      dataDir,
      models: () => node?.models().map(({ id }) => id) ?? [],
      url: server.url,
      running,
      ...(node !== undefined && { load: () => node.load() }),
      ...(swarmKey !== undefined && { swarmKey }),
    })
  }
  using _hold = finishAnswers(session, running())
  pages.close()
  await server.close()
  await peer.drain()
  terminal.emit({ event: 'stopped' })
  return undefined
}

/** Not in a swarm in which this machine may only ask. */
async function mayServe({ terminal }: Session, { host }: Network): Promise<boolean> {
  if (host.membership === undefined) return true
  const { membership: directory } = host
  using membership = await openTyped(() => Membership.open(directory))
  if (membership.certificate.role !== 'client') return true
  terminal.print(`This machine is a client of ${membership.name}: it shares no models.\n`)
  return false
}

/** @param chosen models that were chosen at the start, where no setting names them */
function sharePart(node: Node, chosen: readonly string[] | undefined): LivePart<UpOptions> {
  return {
    settings: ['share'],
    async apply({ share = chosen }) {
      await node.update(share === undefined ? {} : { share })
    },
  }
}

/** Three lines: the page, the base URL, and how the next machine joins. */
function announce(session: Session, { host, node }: Peer, network: Network, url: string): void {
  const { terminal, commandName } = session
  const addresses = host.addresses().map(String)
  const invite = inviteFor(network.host.swarmKey, host)
  const join = joinCommand({
    ...{ commandName, addresses },
    ...(invite !== undefined && { invite }),
    ...membersOf(host),
  })
  terminal.emit({
    event: 'ready',
    url,
    peerId: host.peerId.toString(),
    addresses,
    models: node?.models().map(({ id }) => id) ?? [],
    ...defined({ join, invite }),
  } as { event: 'ready' })
  terminal.print(`  console    ${url}/\n  base URL   ${url}/v1\n`)
  if (host.membership !== undefined) terminal.print(`  invite     ${inviteCommand(session)}\n`)
  else terminal.print(`  join with  ${join ?? 'nothing: this machine has no address to reach'}\n`)
  if (join !== undefined && terminal.stdoutIsTty) {
    terminal.print(`\n${renderUnicodeCompact(join, { border: 2 })}\n`)
  }
}
