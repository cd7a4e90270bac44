import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { dataHome } from './directories.ts'
import type { Session } from './runtime.ts'
import { type Liveness, livenessOf, readStatus, type StatusReport } from './status-file.ts'

/** A report of a process on this machine. */
export interface Found {
  readonly dataDir: string
  readonly liveness: Liveness
  readonly report: StatusReport
}

/** The last reports of the nodes and bootstrap peers on this machine. */
export async function runningPeers(session: Pick<Session, 'env'>): Promise<StatusReport[]> {
  return (await everyReport(session))
    .filter(({ liveness, report }) => liveness !== 'ended' && report.role !== 'gateway')
    .map(({ report }) => report)
}

/** The last reports of every process of this user's, ended ones included. */
export async function everyReport(session: Pick<Session, 'env'>): Promise<Found[]> {
  // Without a home directory each of them has a directory of its own, which is not known here.
  return await reportsIn(await allDirectories(session).catch(() => []))
}

/** The last reports in these data directories, ended processes included. */
export async function reportsIn(directories: readonly string[]): Promise<Found[]> {
  return (await Promise.all(directories.map(look))).flat()
}

/** The data directories of this user. @throws UsageError for a user without a home directory */
export async function allDirectories({ env }: Pick<Session, 'env'>): Promise<string[]> {
  const home = dataHome(env)
  const entries = await readdir(home, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(home, name))
}

async function look(dataDir: string): Promise<Found[]> {
  const nowMs = Date.now()
  return (await readStatus(dataDir)).map((report) => ({
    dataDir,
    liveness: livenessOf(report, nowMs),
    report,
  }))
}
