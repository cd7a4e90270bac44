import { forkPeer } from '../../testing/index.ts'
import type { Break } from './breaking-backend.ts'

/** An engine behind a node. */
export type FaultEngine =
  | { readonly type: 'url'; readonly url: string }
  /** With a chat template in place of the file's own. */
  | { readonly type: 'embedded'; readonly modelPath: string; readonly chatTemplate: string }
  /** Scripted: plays a coding session with any agent. */
  | { readonly type: 'coder' }

export interface FaultNodeTask {
  readonly engine: FaultEngine
  readonly bootstrap: readonly string[]
}

export interface FaultNodeReady {
  readonly peerId: string
}

/** To a node: where answers break from now on, or whether it may break one at a place that it asked for. */
export type FaultCommand =
  | { readonly arm: readonly Break[] }
  | { readonly answered: number; readonly granted: boolean }

/** From a node: it has come to a break, by its index, or ended an answer of so many chunks. */
export type FaultReport = { readonly wants: number } | { readonly chunks: number }

/** A node in a process of its own. */
export interface FaultNode extends AsyncDisposable {
  readonly peerId: string
  readonly pid: number
  readonly alive: boolean
  /** Of the last answer that it ended since it was armed. */
  readonly chunks: number
  arm(breaks: readonly Break[]): void
}

/** @param grant whether this node may break at the place with this index: only one does */
export async function startFaultNode(
  task: FaultNodeTask,
  grant: (index: number) => boolean,
): Promise<FaultNode> {
  const peer = await forkPeer<FaultNodeReady>(new URL('./node.ts', import.meta.url), task)
  const send = (command: FaultCommand): void => peer.send(command)
  let chunks = 0
  peer.child.on('message', (message: FaultReport) => {
    if ('chunks' in message) chunks = message.chunks
    else send({ answered: message.wants, granted: grant(message.wants) })
  })
  return {
    peerId: peer.ready.peerId,
    pid: peer.pid,
    get alive() {
      return peer.alive
    },
    get chunks() {
      return chunks
    },
    arm(breaks) {
      chunks = 0
      send({ arm: breaks })
    },
    [Symbol.asyncDispose]: peer[Symbol.asyncDispose],
  }
}
