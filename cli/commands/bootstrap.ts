import { Command } from 'commander'
import { Registry } from 'prom-client'
import { type Bootstrap, createBootstrap } from '../../bootstrap/index.ts'
import { runUntilStopped, stopWithStdin } from '../daemon.ts'
import { firstFree } from '../data-directory.ts'
import { hostSettings } from '../host-settings.ts'
import { inviteFor } from '../invite.ts'
import { joinLines, membersOf, nameOf, shownAddresses } from '../join-line.ts'
import { canListen } from '../listen.ts'
import {
  addHostMetrics,
  type MonitorOptions,
  serveMonitor,
  withMonitorOptions,
} from '../monitor/index.ts'
import { openTyped } from '../open-typed.ts'
import { firstReachability, type ReachabilityFields, reachabilityLines } from '../reachability.ts'
import { type RelayOptions, withRelayOptions } from '../relay-options.ts'
import { type FollowOptions, followConfig, withWatchOption } from '../reload/index.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  type Network,
  resolveNetwork,
  type SharedOptions,
  withSharedOptions,
} from '../shared-options.ts'

/** The usual ports of a bootstrap peer. */
const PORTS = { tcp: 4801, webSockets: 4802 } as const

interface BootstrapOptions extends SharedOptions, RelayOptions, MonitorOptions, FollowOptions {
  readonly stopWithStdin?: boolean
}

export function bootstrapCommand(runtime: Runtime): Command {
  return withWatchOption(
    withMonitorOptions(
      withRelayOptions(
        withSharedOptions(
          new Command('bootstrap').description(
            `Runs a bootstrap peer: it introduces peers to each other and serves no model. It listens on TCP ${PORTS.tcp} and WebSockets ${PORTS.webSockets} unless --listen is given, and keeps its identity and ports.`,
          ),
        ),
      ),
    ),
  )
    .option(
      '--stop-with-stdin',
      'stop when stdin closes, so that the process ends with its supervisor',
    )
    .action(runtime.action(runBootstrap))
}

async function runBootstrap(session: Session, options: BootstrapOptions): Promise<undefined> {
  const { terminal, signal } = session
  const network = resolveNetwork(options, session.env, 'bootstrap')
  if (options.stopWithStdin === true) stopWithStdin(session)
  const listen = network.host.listen ?? (await defaultListen(session))
  const settings = hostSettings(session, network, options)
  const { opened: bootstrap, dataDir } = await openTyped(() =>
    firstFree(network.dataDirs, async (dataDir) =>
      createBootstrap({
        ...(await settings(dataDir)),
        listen,
      }),
    ),
  )
  await using _bootstrap = bootstrap
  const registry = new Registry()
  addHostMetrics(registry, bootstrap.host, { dataDir })
  await using monitor = await serveMonitor(options, {
    registry,
    readiness: () => ({ ready: true }),
  })
  await using _following = followConfig(session, options, [])
  if (signal.aborted) return undefined
  const reachability = await firstReachability(session, bootstrap.host)
  announce(session, bootstrap, network, reachability, monitor.url)
  await runUntilStopped(session, {
    role: 'bootstrap',
    host: bootstrap.host,
    dataDir,
    models: () => [],
    ...(network.host.swarmKey !== undefined && { swarmKey: network.host.swarmKey }),
  })
  terminal.print('Leaving the swarm …\n')
  await bootstrap[Symbol.asyncDispose]()
  terminal.emit({ event: 'stopped' })
  return undefined
}

async function defaultListen(session: Session): Promise<string[]> {
  const [tcp, webSockets] = await Promise.all([
    freePort(session, PORTS.tcp),
    freePort(session, PORTS.webSockets),
  ])
  return ['/ip4/0.0.0.0', '/ip6/::'].flatMap((any) => [
    `${any}/tcp/${tcp}`,
    `${any}/tcp/${webSockets}/ws`,
  ])
}

/** The usual port, or 0 if it is taken: the system picks one, which is kept from then on. */
async function freePort(session: Session, port: number): Promise<number> {
  if (await canListen(port)) return port
  session.terminal.log(
    `Port ${port} is in use by another program: listening on another port. --listen sets it.`,
  )
  return 0
}

function announce(
  session: Session,
  bootstrap: Bootstrap,
  network: Network,
  reachability: ReachabilityFields,
  monitorUrl: string | undefined,
): void {
  const { terminal, commandName } = session
  const { host } = bootstrap
  const addresses = host.addresses().map(String)
  const models: readonly string[] = []
  terminal.emit({
    event: 'ready',
    peerId: host.peerId.toString(),
    addresses,
    models,
    ...reachability,
    ...(host.swarmName !== '' && { swarmName: host.swarmName }),
    ...(monitorUrl !== undefined && { monitor: monitorUrl }),
  } as { event: 'ready' })
  terminal.print(`Bootstrap peer ${host.peerId.toString()}\n`)
  for (const address of shownAddresses(addresses)) terminal.print(`  ${address}\n`)
  terminal.print(`  ${reachabilityLines(reachability).join('\n  ')}\n`)
  if (monitorUrl !== undefined) terminal.print(`  metrics  ${monitorUrl}/metrics\n`)
  const invite = inviteFor(network.host.swarmKey, host)
  terminal.print(
    `\n${joinLines({ commandName, addresses, ...(invite !== undefined && { invite }), ...nameOf(network), ...membersOf(host) })}`,
  )
  terminal.print('\nStop with Ctrl-C.\n')
}
