import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { forkPeer } from '../testing/index.ts'

/** An engine of known speed. */
export type TimedEngine =
  /** Its sleeps add up exactly, however late each one wakes; it works on so many answers at once. */
  | { readonly type: 'steady'; readonly slots: number; readonly paceMs: number }
  /** Every first token takes `prefillMs`; at random, by the seed, now and then `factor` times as long. */
  | {
      readonly type: 'plain'
      readonly slots: number
      readonly paceMs: number
      readonly prefillMs: number
      readonly slow?: { readonly share: number; readonly factor: number; readonly seed: number }
    }

const COMMAND_TIMEOUT_MS = 10_000
/** Fifty hosts on one thread need a minute and more on a slow machine. */
const HOSTS_START_MS = 300_000

export type PeerTask =
  | { readonly kind: 'idle' }
  | { readonly kind: 'host' }
  /** Relays. */
  | { readonly kind: 'bootstrap' }
  /** Peers that send through a relay to another one as much as it takes. */
  | { readonly kind: 'flood'; readonly relay: string; readonly count: number }
  /** Speaks OpenAI's wire format, and answers by a clock. */
  | { readonly kind: 'engine'; readonly prefillMs?: number; readonly paceMs?: number }
  /** Serves HTTP; its address is a URL. */
  | { readonly kind: 'gateway'; readonly bootstrap: readonly string[] }
  | { readonly kind: 'hosts'; readonly count: number }
  /** Carries TCP to a peer, and holds every byte back; its address is that of the peer, by way of it. */
  | { readonly kind: 'delay'; readonly to: string; readonly delayMs: number }
  | {
      readonly kind: 'node'
      readonly engine: 'embedded' | 'scripted' | { readonly url: string; readonly slots?: number }
      readonly bootstrap?: readonly string[]
    }
  | {
      readonly kind: 'nodes'
      readonly count: number
      /** `hidden`: reached through a relay only. `relays`: relays for others. @default listens, and does not relay */
      readonly reach?: 'hidden' | 'relays'
      readonly engine: TimedEngine
      readonly bootstrap: readonly string[]
    }

export interface PeerReady {
  /** Multiaddrs with peer ids; of an engine, its URL. */
  readonly addresses: readonly string[]
  /** Of the nodes, where there are any. */
  readonly peerIds: readonly string[]
}

/** To a running peer: its node destroys the sockets that it shares with `remote`. */
export interface DropCommand {
  readonly drop: string
  readonly remote: string
}

/** The answer: when it did, on the machine's monotonic clock, in nanoseconds. */
export interface Dropped {
  readonly droppedAtNs: string
}

export interface PeerProcess extends PeerReady, AsyncDisposable {
  readonly pid: number
  /** The node destroys its sockets to the peer. @returns when it did, on this process' `performance.now()` */
  drop(node: string, remote: string): Promise<number>
  /** Sends SIGKILL. Data sent earlier may still arrive. */
  kill(): void
  /** Alive but silent until resumed. */
  freeze(): void
  thaw(): void
}

/**
 * Starts the task in its own process, like a peer.
 *
 * @param startTimeoutMs @default 90 s; 300 s for many hosts
 * @param launch puts it on another machine, see `Machine.launch`
 */
export async function startPeer(
  task: PeerTask,
  startTimeoutMs?: number,
  launch?: readonly string[],
): Promise<PeerProcess> {
  const module = new URL('./peer.ts', import.meta.url)
  const timeoutMs = startTimeoutMs ?? (task.kind === 'hosts' ? HOSTS_START_MS : undefined)
  const peer = await forkPeer<PeerReady>(module, task, timeoutMs, launch)
  const { child } = peer
  return {
    ...peer.ready,
    pid: peer.pid,
    drop: (node, remote) => drop(child, { drop: node, remote }),
    kill: () => void child.kill('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    [Symbol.asyncDispose]: peer.kill,
  }
}

async function drop(child: ChildProcess, command: DropCommand): Promise<number> {
  const answered = once(child, 'message', { signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS) })
  child.send(command)
  const [{ droppedAtNs }] = (await answered) as [Dropped]
  const agoNs = process.hrtime.bigint() - BigInt(droppedAtNs)
  return performance.now() - Number(agoNs) / 1e6
}
