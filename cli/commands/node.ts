import { Command } from 'commander'
import { openReputation } from '../../client/index.ts'
import { createNode, type EngineState, type Node, type NodeInit } from '../../node/index.ts'
import { defined, type NodeState, plainLine } from '../../protocol/index.ts'
import { loggedSession } from '../console.ts'
import { serveControl } from '../control/index.ts'
import { finishAnswers, runUntilStopped, stopWithStdin } from '../daemon.ts'
import { firstFree } from '../data-directory.ts'
import { capabilityList, chooseEngine, type EngineOptions } from '../engine/index.ts'
import { createFailureLog } from '../failure-log.ts'
import { hostSettings } from '../host-settings.ts'
import { inviteFor } from '../invite.ts'
import { joinLines, membersOf, nameOf, shownAddresses } from '../join-line.ts'
import { ModelDesk } from '../local-models/index.ts'
import {
  type MonitorOptions,
  NodeMetrics,
  type Readiness,
  serveMonitor,
  withMonitorOptions,
} from '../monitor/index.ts'
import { type NodeConsoleOptions, openNodeConsole, withNodeConsole } from '../node-console.ts'
import { openTyped } from '../open-typed.ts'
import { addPeer, addValue, byteSize, peerId, wholeNumber } from '../option-parsers.ts'
import { firstReachability, type ReachabilityFields, reachabilityLines } from '../reachability.ts'
import { type RelayOptions, withRelayOptions } from '../relay-options.ts'
import {
  type FollowOptions,
  followConfig,
  type LivePart,
  withWatchOption,
} from '../reload/index.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  type Network,
  resolveNetwork,
  type SharedOptions,
  withSharedOptions,
} from '../shared-options.ts'
import { openTracing } from '../tracing/index.ts'

interface NodeOptions
  extends SharedOptions,
    EngineOptions,
    RelayOptions,
    MonitorOptions,
    NodeConsoleOptions,
    FollowOptions {
  readonly maxTokensPerSecond?: number
  readonly maxTokens?: number
  readonly maxQueue?: number
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
  readonly operator?: string
  readonly creditTo?: string
  readonly friend?: readonly string[]
  readonly stopWithStdin?: boolean
}

export function nodeCommand(runtime: Runtime): Command {
  const command = new Command('node').description(
    'Shares a model with the swarm. By default it uses an engine that runs on this machine, else the small bundled model.',
  )
  return withWatchOption(
    withNodeConsole(withMonitorOptions(withRelayOptions(withSharedOptions(command)))),
  )
    .option('--backend <which>', 'auto, embedded, or the URL of an engine', 'auto')
    .option(
      '--model <source>',
      'a GGUF file to serve: path, https URL, or hf:org/repo/file (downloads resume); with --backend URL the same as --share',
    )
    .option('--share <model>', 'a model of the engine to share; repeatable', addValue)
    .option(
      '--capabilities <list>',
      'what the engine offers (chat,completion,embedding,tools,json_schema,logprobs,vision), instead of the detected capabilities',
      capabilityList,
    )
    .option('--slots <n>', 'requests served at once', wholeNumber(1))
    .option('--max-queue <n>', 'requests that may wait', wholeNumber(0))
    .option('--max-tokens <n>', 'maximum tokens per answer', wholeNumber(1))
    .option('--max-tokens-per-second <n>', 'limit over all answers together', wholeNumber(1))
    .option('--allow <peer>', 'serve only these peer ids; repeatable', addPeer)
    .option('--deny <peer>', 'never serve this peer id; repeatable', addPeer)
    .option('--operator <name>', 'who runs this node; shown to other peers, not verified')
    .option(
      '--credit-to <peer>',
      'your own client’s id (`skein gateway` prints it): this node’s work gives it priority over strangers; other peers see that the two belong together',
      peerId,
    )
    .option(
      '--friend <peer>',
      'a trusted peer: peers that served it well are not treated as strangers; repeatable',
      addPeer,
    )
    .option(
      '--max-memory <size>',
      'memory for all models of the embedded engine together, such as 8G; the least recently used leaves for another (default: three quarters of the machine’s)',
      byteSize,
    )
    .option('--gpu', 'let the embedded engine use a GPU (needs a separate install, see the README)')
    .option(
      '--stop-with-stdin',
      'stop when stdin closes, so that the process ends with its supervisor',
    )
    .action(runtime.action(runNode))
}

async function runNode(plain: Session, options: NodeOptions): Promise<undefined> {
  const { session, log } = loggedSession(plain)
  const { terminal, signal } = session
  const network = resolveNetwork(options, session.env, 'node')
  if (options.stopWithStdin === true) stopWithStdin(session)
  const { backend, share } = await chooseEngine(session, options)
  await using _engine = backend
  terminal.print(`Starting with ${backend.description} …\n`)
  const settings = hostSettings(session, network, options)
  const metrics = new NodeMetrics()
  await using tracing = await openTracing(session, 'node')
  const logFailure = createFailureLog({
    log: (line) => session.terminal.log(line, { level: 'warn' }),
  })
  const { opened, dataDir } = await openTyped(() =>
    firstFree(network.dataDirs, async (dataDir) => {
      const host = await settings(dataDir)
      const saved = await openReputation(dataDir, Date.now, host.onFault)
      const node = await createNode({
        host,
        backend,
        ...(share !== undefined && { share }),
        ...limitsOf(options),
        markOf: (peer) => saved.reputation.markOf(peer),
        onEngine: (state) => tellEngine(session, state),
        onRequest: (request) => {
          logFailure(request)
          metrics.observe(request)
          tracing?.served(request)
        },
      }).catch(async (error: unknown) => {
        await saved[Symbol.asyncDispose]()
        throw error
      })
      return { node, saved }
    }),
  )
  const { node, saved } = opened
  await using _saved = saved
  await using _node = node
  metrics.attach(node, dataDir)
  const { manager } = backend
  using desk = manager === undefined ? undefined : new ModelDesk({ manager, node })
  const { swarmKey } = network.host
  await using page = await openNodeConsole(session, options, { node, saved, swarmKey, desk, log })
  await using _control = await serveControl({
    ...{ dataDir, desk, events: page?.pages.events },
    onFault: (line) => session.terminal.log(line, { level: 'warn' }),
  })
  await using monitor = await serveMonitor(options, {
    registry: metrics.registry,
    readiness: () => readinessOf(node.state()),
  })
  await using _following = followConfig<NodeOptions>(session, options, liveParts(node, share))
  if (!signal.aborted) {
    const reachability = await firstReachability(session, node.host)
    announce(session, node, network, reachability, { monitor: monitor.url, console: page?.url })
    await runUntilStopped(session, {
      role: 'node',
      host: node.host,
      dataDir,
      models: () => node.models().map(({ id }) => id),
      load: () => node.load(),
      running: () => node.load().inFlight,
      ...(swarmKey !== undefined && { swarmKey }),
    })
  }
  const { inFlight } = node.load()
  terminal.emit({ event: 'draining', inFlight } as { event: 'draining' })
  using _hold = finishAnswers(session, inFlight)
  await node.drain()
  terminal.emit({ event: 'stopped' })
  return undefined
}

const ALONE = 'No bootstrap peer was named: this node starts a swarm of its own.'

/** Known peers are dialled again without a bootstrap peer. */
function isAlone({ host }: Node, network: Network): boolean {
  return (
    host.bootstrapPeers().length === 0 &&
    network.host.mdns !== true &&
    host.book.all().length === 0 &&
    host.libp2p.getPeers().length === 0
  )
}

/** Reports to the node's owner when the engine stops and when it is back. */
function tellEngine({ terminal }: Session, state: EngineState): void {
  terminal.emit({ event: 'engine', ...state } as { event: 'engine' })
  switch (state.status) {
    case 'lost':
      terminal.log(
        `The engine does not answer (${plainLine(state.reason)}): requests are refused until it is back.`,
        { level: 'warn' },
      )
      break
    case 'ready':
      terminal.log('The engine is back.')
      break
    case 'loading':
      break
    default:
      state satisfies never
  }
}

function announce(
  session: Session,
  node: Node,
  network: Network,
  reachability: ReachabilityFields,
  urls: { readonly monitor: string | undefined; readonly console: string | undefined },
): void {
  const { terminal, commandName } = session
  const addresses = node.host.addresses().map(String)
  const models = node.models().map(({ id }) => id)
  terminal.emit({
    event: 'ready',
    peerId: node.host.peerId.toString(),
    addresses,
    models,
    ...reachability,
    ...(node.host.swarmName !== '' && { swarmName: node.host.swarmName }),
    ...defined(urls),
  } as { event: 'ready' })
  terminal.print(`\nThis node serves ${models.join(', ')} as ${node.host.peerId.toString()}\n`)
  for (const address of shownAddresses(addresses)) terminal.print(`  ${address}\n`)
  terminal.print(`  ${reachabilityLines(reachability).join('\n  ')}\n`)
  if (urls.monitor !== undefined) terminal.print(`  metrics  ${urls.monitor}/metrics\n`)
  if (urls.console !== undefined) terminal.print(`  console  ${urls.console}/\n`)
  const invite = inviteFor(network.host.swarmKey, node.host)
  terminal.print(
    `\n${joinLines({ commandName, addresses, ...(invite !== undefined && { invite }), ...nameOf(network), ...membersOf(node.host) })}`,
  )
  terminal.print(isAlone(node, network) ? `\n${ALONE}\n` : '')
  terminal.print('\nStop with Ctrl-C: running answers are finished first.\n')
}

/** A saturated node is ready: it refuses for a moment only. */
function readinessOf(state: NodeState): Readiness {
  switch (state) {
    case 'ready':
    case 'saturated':
      return { ready: true }
    case 'loading':
      return { ready: false, reason: 'the engine does not answer yet' }
    case 'draining':
      return { ready: false, reason: 'the node is leaving the swarm' }
    default:
      return state satisfies never
  }
}

/** @param chosen models that were chosen at the start, where no setting names them */
function liveParts(node: Node, chosen: readonly string[] | undefined): LivePart<NodeOptions>[] {
  return [
    {
      settings: ['share', 'max-queue', 'max-tokens', 'max-tokens-per-second', 'allow', 'deny'],
      async apply({ maxQueue, maxTokens, maxTokensPerSecond, allow, deny, ...options }) {
        // At an existing engine --model names one more.
        const more = chosen?.filter((name) => name === options.model) ?? []
        const share = options.share === undefined ? chosen : [...options.share, ...more]
        await node.update(defined({ share, maxQueue, maxTokens, maxTokensPerSecond, allow, deny }))
      },
    },
  ]
}

function limitsOf(options: NodeOptions): Partial<NodeInit> {
  const { slots, maxQueue, maxTokens, maxTokensPerSecond, allow, deny, operator } = options
  const { creditTo, friend: friends } = options
  return defined({
    ...{ slots, maxQueue, maxTokens, maxTokensPerSecond, allow, deny, operator },
    ...{ creditTo, friends },
  })
}
