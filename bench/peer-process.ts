import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

export type PeerTask =
  | { readonly kind: 'idle' }
  | { readonly kind: 'host' }
  | { readonly kind: 'engine' }
  | { readonly kind: 'hosts'; readonly count: number }
  | {
      readonly kind: 'node'
      readonly engine: 'embedded' | 'scripted' | { readonly url: string }
      readonly bootstrap?: readonly string[]
    }

export interface PeerReady {
  /** Multiaddrs with peer ids; of an engine, its URL. */
  readonly addresses: readonly string[]
}

export interface PeerProcess extends PeerReady, AsyncDisposable {
  readonly pid: number
}

/** Starts the task in a process of its own, as peers are. */
export async function startPeer(task: PeerTask): Promise<PeerProcess> {
  const child = fork(new URL('./peer.ts', import.meta.url))
  child.send(task)
  const [ready] = (await once(child, 'message')) as [PeerReady | { error: string }]
  if ('error' in ready) {
    await stop(child)
    throw new Error(ready.error)
  }
  return { ...ready, pid: child.pid ?? 0, [Symbol.asyncDispose]: () => stop(child) }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
