import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BootstrapState, RelayingState } from '../host/index.ts'
import type { Load } from '../protocol/index.ts'
import type { Role } from './directories.ts'

const FILE_NAME = 'status.json'
/** How old what `skein status` shows may be. */
const REFRESH_MS = 2_000

/** What a running peer writes beside its identity, for `skein status` to read. */
export interface StatusReport {
  readonly role: Role
  readonly pid: number
  readonly peerId: string
  readonly startedAtMs: number
  readonly writtenAtMs: number
  readonly addresses: readonly string[]
  readonly connections: number
  readonly bootstrap: readonly BootstrapState[]
  /** Absent in reports of earlier versions. */
  readonly relaying?: RelayingState
  readonly knownPeers: number
  /** `public`, or the short name of a private swarm. */
  readonly swarm: string
  readonly models: readonly string[]
  readonly load?: Load
}

/** Keeps a data directory's report fresh until stopped; then removes it. Failing to write is reported once and no more. */
export function keepStatus(
  dataDir: string,
  report: () => StatusReport,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  let writing: Promise<void> = Promise.resolve()
  let failed = false
  const write = (): void => {
    writing = writing
      .then(() => writeReport(dataDir, report()))
      .catch((error: unknown) => {
        if (!failed) onError(error)
        failed = true
      })
  }
  write()
  const timer = setInterval(write, REFRESH_MS)
  timer.unref()
  return {
    async stop() {
      clearInterval(timer)
      await writing
      await rm(join(dataDir, FILE_NAME), { force: true }).catch(onError)
    },
  }
}

async function writeReport(dataDir: string, report: StatusReport): Promise<void> {
  const path = join(dataDir, FILE_NAME)
  await writeFile(`${path}.new`, JSON.stringify(report), { mode: 0o600 })
  await rename(`${path}.new`, path)
}

/** The last report of the peer that uses this directory, or `undefined` where none was left. */
export async function readStatus(dataDir: string): Promise<StatusReport | undefined> {
  try {
    return JSON.parse(await readFile(join(dataDir, FILE_NAME), 'utf8')) as StatusReport
  } catch {
    return undefined
  }
}

/** Whether the process that wrote a report still lives. */
export function isRunning(report: StatusReport): boolean {
  try {
    process.kill(report.pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
