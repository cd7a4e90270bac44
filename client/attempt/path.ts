import type { PeerId, Stream } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'

/** The way that the bytes of an attempt take. */
export interface Path {
  /** Peer id of the relay in between; absent where the peer is reached directly. */
  readonly relay?: string
  /** Whether the connection is still there. */
  readonly isOpen: () => boolean
}

export type PathOf = (peerId: PeerId, stream: Stream) => Path | undefined

/**
 * What a stream's breaking means. A relay's death looks like an end, or a reset, by the peer; with the connection gone
 * the two cannot be told apart, and the peer is not blamed. A reset over a connection that stays is the peer's own.
 */
export function pathFailure(error: InferenceError, path: Path | undefined): InferenceError {
  if (path?.relay === undefined) return error
  const { code } = error
  const isLost = code === 'truncated' || (code === 'stream_reset' && !path.isOpen())
  if (!isLost) return error
  const message = `the path through relay ${path.relay} was lost: ${error.message}`
  return new InferenceError('path_lost', message, { cause: error })
}
