import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { dataHome } from '../directories.ts'
import { plainLine } from '../plain-text.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { isRunning, readStatus, type StatusReport } from '../status-file.ts'

interface Found {
  readonly dataDir: string
  readonly running: boolean
  readonly report: StatusReport
}

export function statusCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('status').description(
      'Shows the nodes and bootstrap peers that run on this machine, or the one that uses --data-dir.',
    ),
  ).action(runtime.action(showStatus))
}

async function showStatus(session: Session, options: SharedOptions): Promise<undefined> {
  const { terminal } = session
  const directories =
    options.dataDir === undefined ? await allDirectories(session) : [options.dataDir]
  const found = (await Promise.all(directories.map(look))).filter((entry) => entry !== undefined)
  for (const { report, ...entry } of found) {
    terminal.emit({ event: 'status', ...entry, ...report } as { event: 'status' })
  }
  if (found.length === 0) {
    const where = options.dataDir === undefined ? 'on this machine' : `in ${options.dataDir}`
    terminal.print(`Nothing runs ${where}. \`${session.commandName} node\` starts a node.\n`)
    terminal.log(`Looked in: ${directories.join(', ') || dataHome(session.env)}`)
  }
  terminal.print(found.map((entry) => renderStatus(entry, Date.now())).join('\n'))
  return undefined
}

async function allDirectories(session: Session): Promise<string[]> {
  const home = dataHome(session.env)
  const entries = await readdir(home, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(home, name))
}

async function look(dataDir: string): Promise<Found | undefined> {
  const report = await readStatus(dataDir)
  return report === undefined ? undefined : { dataDir, running: isRunning(report), report }
}

export function renderStatus({ dataDir, running, report }: Found, nowMs: number): string {
  const state = running
    ? `running for ${Math.round((nowMs - report.startedAtMs) / 1000)} s (process ${report.pid})`
    : 'not running: it ended without saying so'
  const lines = [
    `${report.role} ${report.peerId}`,
    `  ${state}`,
    `  data       ${dataDir}`,
    `  swarm      ${report.swarm === 'public' ? 'public' : `private (${report.swarm})`}`,
    ...report.addresses.map((address) => `  listens    ${address}`),
    `  connected  to ${report.connections} peers, knows ${report.knownPeers} nodes`,
    ...report.bootstrap.map(
      (peer) =>
        `  bootstrap  ${peer.address}: ${peer.status}${peer.status === 'waiting' ? ` (${plainLine(peer.lastError)})` : ''}`,
    ),
  ]
  if (report.models.length > 0)
    lines.push(`  serves     ${report.models.map(plainLine).join(', ')}`)
  if (report.load !== undefined) {
    const { state: nodeState, inFlight, slots, queueDepth } = report.load
    lines.push(`  load       ${nodeState}, ${inFlight} of ${slots} slots, ${queueDepth} waiting`)
  }
  return `${lines.join('\n')}\n`
}
