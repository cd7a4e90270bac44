import type { RouteCandidate } from './candidate.ts'
import type { RequestEvent } from './record.ts'

/**
 * Marks a request as a part of a larger call. It goes to the peer with the least load for its size, without regard to
 * prefix affinity, so that the parts spread over all peers.
 */
export interface Placement {
  /** The call is a batch, whose retries and resumes have budgets of their own. */
  readonly batch?: boolean
  /** Filters the candidates that this part may go to. Called at every selection with all candidates. @default all */
  readonly narrow?: <T extends RouteCandidate>(candidates: readonly T[]) => readonly T[]
  /** Called when a peer is selected. */
  readonly onPeer?: (peer: RouteCandidate) => void
  /** Called with the answering model, before its first chunk. */
  readonly onModel?: (model: string) => void
  /** Called with the record when the request ends in any way. */
  readonly onEnd?: (event: RequestEvent) => void
}

/** Applies both filters and calls both sets of callbacks. */
export function joinPlacements(outer: Placement | undefined, inner: Placement): Placement {
  if (outer === undefined) return inner
  return {
    batch: outer.batch === true || inner.batch === true,
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
