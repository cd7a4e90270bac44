import type { PeerId, Stream } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'

/** The network path of an attempt. */
export interface Path {
  /** Peer id of the relay; absent if the connection is direct. */
  readonly relay?: string
  /** Whether the connection is still open. */
  readonly isOpen: () => boolean
}

export type PathOf = (peerId: PeerId, stream: Stream) => Path | undefined

/**
 * Decides whether the path or the peer broke a stream. A failed relay looks like an end or a reset by the peer. If the
 * connection is gone, the two cannot be distinguished, and the peer is not blamed. A reset over a connection that stays
 * open is the peer's.
 */
export function pathFailure(error: InferenceError, path: Path | undefined): InferenceError {
  if (path?.relay === undefined) return error
  const { code } = error
  const isLost = code === 'truncated' || (code === 'stream_reset' && !path.isOpen())
  if (!isLost) return error
  const message = `the path through relay ${path.relay} was lost: ${error.message}`
  return new InferenceError('path_lost', message, { cause: error })
}
