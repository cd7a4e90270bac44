import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BootstrapState, ClockReport, DirectPathsState, RelayingState } from '../host/index.ts'
import type { Load } from '../protocol/index.ts'
import { isAlive, writeAtomic } from '../storage/index.ts'
import { type Clock, everyTogether, systemClock } from '../timing/index.ts'
import type { Role } from './directories.ts'
import type { Warning } from './log/index.ts'
import type { ReachabilityFields } from './reachability.ts'

const FILE_NAME = 'status.json'
/** Reports of gateways; several may share a directory. */
const GATEWAY_FILE = /^status-gateway-(\d+)\.json$/
/** Time until a change is written. */
const LOOK_MS = 2_000
/** Maximum age of a report, even if nothing in it changed. */
const REFRESH_MS = 8_000
/** A process that has not written for this long has stopped, hangs, or has a full disk. */
const SILENT_MS = 15_000

/**
 * Report of a running peer, stored next to its identity for `skein status`. Reachability is absent in reports of
 * older versions.
 */
export interface StatusReport extends Partial<ReachabilityFields> {
  readonly role: Role | 'gateway'
  readonly pid: number
  readonly peerId: string
  readonly startedAtMs: number
  readonly writtenAtMs: number
  readonly addresses: readonly string[]
  readonly connections: number
  readonly bootstrap: readonly BootstrapState[]
  /** Absent in reports of earlier versions. */
  readonly clock?: ClockReport
  /** Absent in reports of earlier versions. */
  readonly relaying?: RelayingState
  /** Absent in reports of earlier versions. */
  readonly directPaths?: DirectPathsState
  readonly knownPeers: number
  /** `public`, the short name of a private swarm, or the name of one with members. */
  readonly swarm: string
  /** Its name. Absent for the swarm of the LAN, and in reports of earlier versions. */
  readonly swarmName?: string
  /** Of a process in several swarms, the default first. Absent if it is in one. */
  readonly swarms?: readonly SwarmStatus[]
  readonly models: readonly string[]
  readonly load?: Load
  /** The last warnings of its log. Absent in reports of earlier versions. */
  readonly warnings?: readonly Warning[]
  /** Where a gateway is called. */
  readonly url?: string
}

/** A process's part in one of several swarms. */
export interface SwarmStatus {
  readonly name: string
  readonly peerId: string
  readonly connections: number
  readonly knownPeers: number
}

/** State of the process behind a report. `silent`: it is alive but has not written for a while. */
export type Liveness = 'running' | 'silent' | 'ended'

export interface StatusOptions {
  /** @default the machine's */
  readonly clock?: Clock
  /** @default a whole file at a time */
  readonly write?: (path: string, content: string) => Promise<void>
}

/**
 * Keeps a data directory's report fresh until stopped, then removes it. It is written when it changes, and now and then as a
 * sign of life. Write failures are reported once.
 */
export function keepStatus(
  dataDir: string,
  report: () => StatusReport,
  onError: (error: unknown) => void,
  { clock = systemClock, write = writeAtomic }: StatusOptions = {},
): { stop(): Promise<void> } {
  const path = join(dataDir, fileOf(report()))
  let writing: Promise<void> = Promise.resolve()
  let failed = false
  let written = ''
  let writtenAtMs = 0
  const look = (): void => {
    const now = report()
    const content = JSON.stringify({ ...now, writtenAtMs: 0 })
    // By the stamp that readers judge by, whatever set the clock, and a little early: looks are not on time to the millisecond.
    const isFresh = Math.abs(now.writtenAtMs - writtenAtMs) < REFRESH_MS - LOOK_MS / 2
    if (content === written && isFresh) return
    written = content
    writtenAtMs = now.writtenAtMs
    writing = writing
      .then(() => write(path, JSON.stringify(now)))
      .then(() => {
        failed = false
      })
      .catch((error: unknown) => {
        // The next look tries again.
        written = ''
        if (!failed) onError(error)
        failed = true
      })
  }
  look()
  const timer = everyTogether(clock, LOOK_MS, look)
  return {
    async stop() {
      timer[Symbol.dispose]()
      await writing
      await rm(path, { force: true }).catch(onError)
    },
  }
}

function fileOf({ role, pid }: StatusReport): string {
  return role === 'gateway' ? `status-gateway-${pid}.json` : FILE_NAME
}

/** The last reports in this directory. Invalid files are skipped. */
export async function readStatus(dataDir: string): Promise<readonly StatusReport[]> {
  const names = await readdir(dataDir).catch(() => [])
  const files = names.filter((name) => name === FILE_NAME || GATEWAY_FILE.test(name))
  const reports = await Promise.all(files.map((name) => readReport(join(dataDir, name))))
  return reports.filter((report) => report !== undefined)
}

/** Removes reports left by killed gateways. */
export async function forgetDeadGateways(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir).catch(() => [])) {
    const pid = GATEWAY_FILE.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(dataDir, name), { force: true })
  }
}

/** Whether the process that wrote a report is alive and still writes. */
export function livenessOf(
  { pid, writtenAtMs }: StatusReport,
  nowMs: number,
  alive: (pid: number) => boolean = isAlive,
): Liveness {
  if (!alive(pid)) return 'ended'
  return nowMs - writtenAtMs > SILENT_MS ? 'silent' : 'running'
}

async function readReport(path: string): Promise<StatusReport | undefined> {
  try {
    const report: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isReport(report) ? report : undefined
  } catch {
    return undefined
  }
}

/** Checks only the fields that are read before printing. */
function isReport(value: unknown): value is StatusReport {
  const { pid, peerId, addresses, models, bootstrap } = (value ?? {}) as Partial<StatusReport>
  return (
    Number.isSafeInteger(pid) &&
    typeof peerId === 'string' &&
    [addresses, models, bootstrap].every(Array.isArray)
  )
}
