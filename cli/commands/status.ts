import { Command } from 'commander'
import type { ClockReport } from '../../host/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { clockLines } from '../clock-report.ts'
import { directPathLines } from '../direct-paths.ts'
import { dataHome } from '../directories.ts'
import { reachabilityLines } from '../reachability.ts'
import { relayingLines } from '../relay-options.ts'
import { allDirectories, type Found, reportsIn } from '../reports-here.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import type { Liveness, StatusReport } from '../status-file.ts'

export function statusCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('status').description(
      'Shows the nodes, gateways and bootstrap peers that run on this machine, or those that use --data-dir.',
    ),
  ).action(runtime.action(showStatus))
}

async function showStatus(session: Session, options: SharedOptions): Promise<undefined> {
  const { terminal } = session
  const directories =
    options.dataDir === undefined ? await allDirectories(session) : [options.dataDir]
  const found = await reportsIn(directories)
  for (const { report, ...entry } of found) {
    const running = entry.liveness !== 'ended'
    terminal.emit({ event: 'status', ...entry, running, ...report } as { event: 'status' })
  }
  if (found.length === 0) {
    const where = options.dataDir === undefined ? 'on this machine' : `in ${options.dataDir}`
    terminal.print(`Nothing runs ${where}. \`${session.commandName} node\` starts a node.\n`)
    terminal.log(`Looked in: ${directories.join(', ') || dataHome(session.env)}`)
  }
  terminal.print(found.map((entry) => renderStatus(entry, Date.now())).join('\n'))
  return undefined
}

function stateOf(liveness: Liveness, report: StatusReport, nowMs: number): string {
  const seconds = (sinceMs: number): number => Math.max(0, Math.round((nowMs - sinceMs) / 1000))
  switch (liveness) {
    case 'running':
      return `running for ${seconds(report.startedAtMs)} s (process ${report.pid})`
    case 'silent':
      return `process ${report.pid} exists but has not reported for ${seconds(report.writtenAtMs)} s: it hangs, was stopped, or cannot write`
    case 'ended':
      return `not running: it ended unexpectedly, ${seconds(report.writtenAtMs)} s ago or later`
    default:
      return liveness satisfies never
  }
}

export function renderStatus({ dataDir, liveness, report }: Found, nowMs: number): string {
  const head = [
    `${plainLine(report.role)} ${plainLine(report.peerId)}`,
    `  ${stateOf(liveness, report, nowMs)}`,
    `  data       ${dataDir}`,
  ]
  // Its load at that time says nothing about now.
  if (liveness === 'ended') return `${head.join('\n')}\n`
  const lines = [
    ...head,
    ...(report.url === undefined ? [] : [`  serves     ${plainLine(report.url)}/v1`]),
    ...swarmLines(report),
    ...report.addresses.map((address) => `  listens    ${address}`),
    // A gateway's peer only dials others.
    ...(report.role === 'gateway' ? [] : reached(report)),
    ...(report.swarms === undefined ? [connectedLine(report)] : []),
    ...report.bootstrap.map(
      (peer) =>
        `  bootstrap  ${peer.address}: ${peer.status}${'lastError' in peer && peer.lastError !== undefined ? ` (${plainLine(peer.lastError)})` : ''}`,
    ),
  ]
  if (report.clock?.own === 'off' || (report.clock?.off.length ?? 0) > 0) {
    lines.push(
      ...clockLines(report.clock as ClockReport).map((line) => `  clock      ${plainLine(line)}`),
    )
  }
  if (report.relaying !== undefined) lines.push(...relayingLines(report.relaying))
  if (report.directPaths !== undefined) lines.push(...directPathLines(report.directPaths))
  const engineAnswers = report.load?.state !== 'loading'
  if (report.models.length > 0) {
    const models = report.models.map(plainLine).join(', ')
    lines.push(`  serves     ${models}${engineAnswers ? '' : ', once its engine answers'}`)
  }
  if (!engineAnswers) {
    lines.push(
      '  engine     does not answer, or loads its model: requests are refused until it is ready',
    )
  }
  if (report.load !== undefined) {
    const { state: nodeState, inFlight, slots, queueDepth } = report.load
    lines.push(`  load       ${nodeState}, ${inFlight} of ${slots} slots, ${queueDepth} waiting`)
  }
  return `${lines.join('\n')}\n`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function connectedLine({
  connections,
  knownPeers,
}: Pick<StatusReport, 'connections' | 'knownPeers'>): string {
  return `  connected  to ${counted(connections, 'peer')}, knows ${counted(knownPeers, 'node')}`
}

/** One line, or two for each of several swarms. */
function swarmLines(report: StatusReport): string[] {
  const { swarms } = report
  if (swarms === undefined) return [`  swarm      ${swarmOf(report)}`]
  return swarms.flatMap((swarm, at) => [
    `  swarm      ${plainLine(swarm.name)}${at === 0 ? ' (default)' : ''}, as ${plainLine(swarm.peerId)}`,
    connectedLine(swarm),
  ])
}

function swarmOf({ swarm, swarmName }: StatusReport): string {
  const kind = swarm === 'public' ? 'public' : `private (${swarm})`
  return swarmName === undefined || swarmName === swarm ? kind : `${plainLine(swarmName)}, ${kind}`
}

function reached({ reachability, evidence = [], seenAt = [], advice }: StatusReport): string[] {
  if (reachability === undefined) return []
  const fields = { reachability, evidence, seenAt, ...(advice !== undefined && { advice }) }
  const [first = '', ...more] = reachabilityLines(fields)
  return [`  reached    ${first}`, ...more.map((line) => `             ${line}`)]
}
