import type { ClientSwarm } from '../client/index.ts'
import type { Host } from '../host/index.ts'
import type { Load } from '../protocol/index.ts'
import { diskFaultOf } from '../storage/index.ts'
import { watchClock } from './clock-report.ts'
import { type Role, swarmName } from './directories.ts'
import { EXIT } from './exit-codes.ts'
import { boundHeap } from './heap-bounds.ts'
import { releaseIdleMemory } from './idle-memory.ts'
import { reachabilityFields, reportReachability } from './reachability.ts'
import { rememberBootstrap } from './remembered-bootstrap.ts'
import type { Session } from './runtime.ts'
import { giveSignsOfLife } from './service/index.ts'
import { keepStatus, type SwarmStatus } from './status-file.ts'

export interface DaemonInit {
  readonly role: Role | 'gateway'
  readonly host: Host
  /** The swarms of a process that is in several, the default first. @default none */
  readonly swarms?: readonly ClientSwarm[]
  readonly dataDir: string
  readonly swarmKey?: Uint8Array
  models(): readonly string[]
  load?(): Load
  /** Answers that callers or peers wait for. @default none */
  running?(): number
  /** A gateway's base URL. */
  readonly url?: string
}

/** Serves until stopped, and keeps the report for `skein status` fresh. */
export async function runUntilStopped(session: Session, init: DaemonInit): Promise<void> {
  const { host, swarms = [] } = init
  const startedAtMs = Date.now()
  const status = keepStatus(
    init.dataDir,
    () => ({
      role: init.role,
      pid: process.pid,
      peerId: host.peerId.toString(),
      startedAtMs,
      writtenAtMs: Date.now(),
      addresses: host.addresses().map(String),
      connections: host.libp2p.getConnections().length,
      bootstrap: host.bootstrapPeers(),
      relaying: host.relaying(),
      directPaths: host.directPaths(),
      knownPeers: host.book.all().length,
      swarm:
        host.membership?.swarm ??
        (init.swarmKey === undefined ? 'public' : swarmName(init.swarmKey)),
      ...(host.swarmName !== '' && { swarmName: host.swarmName }),
      ...(swarms.length > 0 && { swarms: swarms.map(swarmStatus) }),
      models: init.models(),
      clock: host.clock(),
      ...reachabilityFields(host.reachability()),
      ...(init.load !== undefined && { load: init.load() }),
      ...(init.url !== undefined && { url: init.url }),
      warnings: session.terminal.warnings(),
    }),
    (error) => {
      const why = diskFaultOf(error)?.reason ?? String(error)
      session.terminal.log(`\`${session.commandName} status\` cannot show this process: ${why}`, {
        level: 'warn',
      })
    },
  )
  using _signs = giveSignsOfLife({
    env: session.env,
    pid: process.pid,
    onError: (error) => {
      session.terminal.log(`cannot tell the supervisor that this process works: ${String(error)}`, {
        level: 'warn',
      })
    },
  })
  const unsubscribe = reportReachability(session, host)
  const unwatch = watchClock(session, host)
  using _bounds = boundHeap()
  using _memory = releaseIdleMemory()
  // From now on a stop is a success, however little of it there was time for.
  session.interrupts.onLate(() => {
    session.terminal.emit({ event: 'stopped' })
    return EXIT.ok
  })
  try {
    await stopped(session.signal)
  } finally {
    // Saving takes long on a busy disk, and a late end would drop them.
    using _hold = (init.running?.() ?? 0) > 0 ? session.interrupts.hold() : undefined
    unsubscribe()
    unwatch()
    await status.stop()
    await rememberBootstrap(init.dataDir, host, session.terminal)
  }
}

function swarmStatus({ name, host }: ClientSwarm): SwarmStatus {
  return {
    name,
    peerId: host.peerId.toString(),
    connections: host.libp2p.getConnections().length,
    knownPeers: host.book.all().length,
  }
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Ends the command when stdin closes, so that children end with their parent however it ends. */
export function stopWithStdin(session: Session): void {
  session.stdin.on('end', () => session.interrupts.stop('stdin was closed'))
  session.stdin.on('error', () => session.interrupts.stop('stdin was closed'))
  session.stdin.resume()
}

/**
 * Says what the command waits for before it ends, and lets it wait.
 *
 * @param running answers that callers or peers wait for
 * @returns end of the wait; undefined if there is nothing to wait for
 */
export function finishAnswers(
  { interrupts, terminal }: Session,
  running: number,
): Disposable | undefined {
  if (running === 0) {
    terminal.print('Leaving the swarm …\n')
    return undefined
  }
  const [answers, them] = running === 1 ? ['one answer', 'it'] : [`${running} answers`, 'them']
  terminal.print(`Finishing ${answers} before leaving; Ctrl-C again drops ${them} …\n`)
  return interrupts.hold()
}
