import { Command } from 'commander'
import { createNode, type Node } from '../../node/index.ts'
import { runUntilStopped, stopWithStdin } from '../daemon.ts'
import { firstFree } from '../data-directory.ts'
import { chooseEngine, type EngineOptions } from '../engine/index.ts'
import { inviteFor } from '../invite.ts'
import { joinLines, shownAddresses } from '../join-line.ts'
import { withRecalled } from '../remembered-bootstrap.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  addValue,
  type Network,
  resolveNetwork,
  type SharedOptions,
  wholeNumber,
  withSharedOptions,
} from '../shared-options.ts'

interface NodeOptions extends SharedOptions, EngineOptions {
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
  return withSharedOptions(
    new Command('node').description(
      'Shares a model with the swarm. With nothing named it takes an engine that runs on this machine, else the small model that comes with Skein.',
    ),
  )
    .option('--backend <which>', 'auto, embedded, or the URL of an engine', 'auto')
    .option(
      '--model <source>',
      'a GGUF file to serve: path, https URL, or hf:org/repo/file (downloads resume); with --backend URL the same as --share',
    )
    .option('--share <model>', 'a model of the engine to give away; repeatable', addValue)
    .option('--slots <n>', 'requests served at a time', wholeNumber(1))
    .option('--max-queue <n>', 'requests that may wait', wholeNumber(0))
    .option('--max-tokens <n>', 'longest answer given, in tokens', wholeNumber(1))
    .option('--max-tokens-per-second <n>', 'ceiling over all answers together', wholeNumber(1))
    .option('--allow <peer>', 'serve only these peer ids; repeatable', addValue)
    .option('--deny <peer>', 'never serve this peer id; repeatable', addValue)
    .option('--operator <name>', 'who runs this node; shown to others, unproven')
    .option(
      '--credit-to <peer>',
      'your own client’s id (`skein gateway` prints it): the work of this node lets it be served before strangers; others see the two belong together',
    )
    .option(
      '--friend <peer>',
      'whom this peer was well served by is no stranger; repeatable',
      addValue,
    )
    .option('--gpu', 'let the embedded engine use a GPU (needs its own install, see the README)')
    .option('--stop-with-stdin', 'stop once stdin closes: for supervisors that may die')
    .action(runtime.action(runNode))
}

async function runNode(session: Session, options: NodeOptions): Promise<undefined> {
  const { terminal, signal } = session
  const network = resolveNetwork(options, session.env, 'node')
  if (options.stopWithStdin === true) stopWithStdin(session)
  const { backend, share } = await chooseEngine(session, options)
  await using _engine = backend
  terminal.print(`Starting with ${backend.description} …\n`)
  const { opened: node, dataDir } = await firstFree(network.dataDirs, async (dataDir) =>
    createNode({
      host: { ...(await withRecalled(network.host, dataDir)), dataDir },
      backend,
      ...(share !== undefined && { share }),
      ...limitsOf(options),
    }),
  )
  await using _node = node
  if (!signal.aborted) {
    announce(session, node, network)
    await runUntilStopped(session, {
      role: 'node',
      host: node.host,
      dataDir,
      models: () => node.models().map(({ id }) => id),
      load: () => node.load(),
      ...(network.host.swarmKey !== undefined && { swarmKey: network.host.swarmKey }),
    })
  }
  const { inFlight } = node.load()
  terminal.emit({ event: 'draining', inFlight } as { event: 'draining' })
  terminal.print(
    inFlight === 0
      ? 'Leaving the swarm …\n'
      : `Finishing ${inFlight} answers before leaving; Ctrl-C again drops them …\n`,
  )
  await node.drain()
  terminal.emit({ event: 'stopped' })
  return undefined
}

function announce(session: Session, node: Node, network: Network): void {
  const { terminal, commandName } = session
  const addresses = node.host.addresses().map(String)
  const models = node.models().map(({ id }) => id)
  terminal.emit({
    event: 'ready',
    peerId: node.host.peerId.toString(),
    addresses,
    models,
  } as { event: 'ready' })
  terminal.print(`\nThis node serves ${models.join(', ')} as ${node.host.peerId.toString()}\n`)
  for (const address of shownAddresses(addresses)) terminal.print(`  ${address}\n`)
  const invite = inviteFor(network.host.swarmKey, addresses)
  terminal.print(
    `\n${joinLines({ commandName, addresses, ...(invite !== undefined && { invite }) })}`,
  )
  if (node.host.bootstrapPeers().length === 0 && network.host.mdns !== true) {
    terminal.print('\nNo bootstrap peer was named: this node is a swarm of its own.\n')
  }
  terminal.print('\nStop with Ctrl-C: running answers are finished first.\n')
}

function limitsOf(options: NodeOptions): object {
  const { slots, maxQueue, maxTokens, maxTokensPerSecond, allow, deny, operator } = options
  const { creditTo, friend: friends } = options
  const limits = {
    ...{ slots, maxQueue, maxTokens, maxTokensPerSecond, allow, deny, operator },
    ...{ creditTo, friends },
  }
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
}
