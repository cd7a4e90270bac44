import type { PeerId, Stream } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'

/** The network path of an attempt. */
export interface Path {
  /** Peer id of the relay; absent if the connection is direct. */
  readonly relay?: string
  /** `webrtc`: a direct path between two NATs. */
  readonly by?: 'webrtc'
  /** Whether the connection is still open. */
  readonly isOpen: () => boolean
  /** Whether the peer answers over this very connection. Resolves after a few seconds at most. */
  readonly answers?: () => Promise<boolean>
  /** Ends the connection, and has later dials prefer other relays. */
  readonly avoid?: () => void
}

export type PathOf = (peerId: PeerId, stream: Stream) => Path | undefined

/**
 * Decides whether the path or the peer broke a stream. A failed relay looks like an end or a reset by the peer. If the
 * connection is gone, the two cannot be distinguished, and the peer is not blamed. A reset over a connection that stays
 * open is the peer's. A frozen relay looks like a silent peer: only one that still answers a ping over the same
 * connection is blamed for its silence; otherwise the connection is ended.
 */
export async function pathFailure(
  error: InferenceError,
  path: Path | undefined,
): Promise<InferenceError> {
  if (path === undefined || (path.relay === undefined && path.by === undefined)) return error
  if (!(await isPathLost(error, path))) return error
  const name = path.relay === undefined ? 'direct path' : `path through relay ${path.relay}`
  const message = `the ${name} was lost: ${error.message}`
  return new InferenceError('path_lost', message, { cause: error })
}

async function isPathLost({ code }: InferenceError, path: Path): Promise<boolean> {
  if (code === 'truncated') return true
  if (code === 'stream_reset') return !path.isOpen()
  if (code !== 'stalled' || path.answers === undefined) return false
  if (path.isOpen() && (await path.answers())) return false
  path.avoid?.()
  return true
}
