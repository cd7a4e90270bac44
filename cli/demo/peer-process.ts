import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { InferenceError } from '../../protocol/index.ts'
import type { Session } from '../runtime.ts'

/** Deadline for a peer's start; a busy machine takes several seconds to load three engines. */
const READY_TIMEOUT_MS = 60_000
/** Deadline for a peer's stop; an idle peer takes well under a second. */
const STOP_TIMEOUT_MS = 5_000
/** Length of the end of stderr that is kept to explain a failed start. */
const MAX_KEPT_LOG = 4_000

export interface ReadyPeer {
  readonly peerId: string
  readonly addresses: readonly string[]
}

/** A peer in its own process. It watches its stdin, so it ends with this process however that ends. */
export interface PeerProcess {
  readonly ready: Promise<ReadyPeer>
  /** Sends SIGKILL only. */
  kill(): void
  /** Sends SIGTERM, then SIGKILL after the deadline. Resolves once the process has ended. */
  stop(): Promise<void>
}

export function startPeer(session: Session, args: readonly string[]): PeerProcess {
  const child = spawn(
    session.execPath,
    [session.mainFile, ...args, '--json', '--no-mdns', '--stop-with-stdin'],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...session.env, SKEIN_BOOTSTRAP: '', SKEIN_INVITE: '' },
    },
  )
  session.terminal.emit({ event: 'process', pid: child.pid, role: args[0] } as { event: 'process' })
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const undo = session.onExit(() => child.kill('SIGKILL'))
  void gone.then(undo)
  child.stdin.on('error', () => undefined)
  const ready = readyOf(child, args[0] ?? 'peer')
  // Callers that await `ready` see the failure; this only prevents an unhandled rejection.
  ready.catch(() => undefined)
  return {
    ready,
    kill: () => void child.kill('SIGKILL'),
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await gone
      clearTimeout(timer)
    },
  }
}

async function readyOf(
  child: ChildProcess & {
    readonly stdout: NodeJS.ReadableStream
    readonly stderr: NodeJS.ReadableStream
  },
  what: string,
): Promise<ReadyPeer> {
  let log = ''
  child.stderr.on('data', (piece: Buffer) => {
    log = (log + piece.toString()).slice(-MAX_KEPT_LOG)
  })
  const lines = createInterface({ input: child.stdout })
  const failure = (why: string): InferenceError =>
    new InferenceError(
      'internal',
      `the demo's ${what} ${why}${log === '' ? '' : `: ${log.trim()}`}`,
    )
  const deadline = AbortSignal.timeout(READY_TIMEOUT_MS)
  return new Promise<ReadyPeer>((resolve, reject) => {
    lines.on('line', (line) => {
      const event = JSON.parse(line) as { event: string; message?: string } & ReadyPeer
      if (event.event === 'ready') resolve(event)
      if (event.event === 'error') reject(failure(`failed: ${event.message ?? ''}`))
    })
    child.once('error', (error) => reject(failure(`could not be started (${error.message})`)))
    child.once('close', () => reject(failure('ended before it was ready')))
    deadline.addEventListener('abort', () => reject(failure('was not ready in time')))
  })
}
