import type { RouteCandidate } from './candidate.ts'
import type { RequestEvent } from './record.ts'
/**
 * Marks a request as a part of a larger piece of work. It goes to the peer that is least loaded for its size, wherever
 * its prompt may be warm, so that the parts spread over all peers.
 */
export interface Placement {
  /** Leaves those that this part may go to. Asked at every choice, with all who could serve it. @default all */
  readonly narrow?: <T extends RouteCandidate>(candidates: readonly T[]) => readonly T[]
  /** Told of each peer that is chosen, at once. */
  readonly onPeer?: (peer: RouteCandidate) => void
  /** Told of the model whose answer this is going to be, before its first piece. */
  readonly onModel?: (model: string) => void
  /** Told how it ended, whatever the end. */
  readonly onEnd?: (event: RequestEvent) => void
}

/** Both say where a part may go, and both are told. */
export function joinPlacements(outer: Placement | undefined, inner: Placement): Placement {
  if (outer === undefined) return inner
  return {
    narrow: (candidates) => {
      const left = outer.narrow?.(candidates) ?? candidates
      return inner.narrow?.(left) ?? left
    },
    onPeer: (peer) => {
      outer.onPeer?.(peer)
      inner.onPeer?.(peer)
    },
    onModel: (model) => {
      outer.onModel?.(model)
      inner.onModel?.(model)
    },
    onEnd: (event) => {
      outer.onEnd?.(event)
      inner.onEnd?.(event)
    },
  }
}
