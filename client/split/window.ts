/** Where nobody knows how much the peers take: a laptop or two. */
const INITIAL = 8
/** Work for a slot, and as much again waiting at the node, so that no slot idles for a round trip. */
const PER_SLOT = 2
/** Parts of one call at once, whatever the peers offer: each holds a stream and its buffers. */
const MAX = 256
/** TCP CUBIC's factor (RFC 9438): halving wastes more than a refusal costs. */
const DECREASE = 0.7
/** Refusals within this time are of the same crowding and count once. */
const COOL_DOWN_MS = 500

export interface WindowState {
  /** Parts at once, fractions included. */
  readonly size: number
  /** Until the first refusal it grows by one for each answer, after it by one for each round of them. */
  readonly probing: boolean
  readonly shrunkAtMs: number
}

/** @param slots of the peers that are known, 0 where none is */
export function initialWindow(slots: number): WindowState {
  const size = slots > 0 ? PER_SLOT * slots : INITIAL
  return { size: Math.min(MAX, size), probing: true, shrunkAtMs: Number.NEGATIVE_INFINITY }
}

/** Additive increase, up to what the known slots can use. */
export function grown(state: WindowState, slots: number): WindowState {
  const ceiling = slots > 0 ? Math.min(MAX, PER_SLOT * slots) : MAX
  if (state.size >= ceiling) return state
  const step = state.probing ? 1 : 1 / state.size
  return { ...state, size: Math.min(ceiling, state.size + step) }
}

/** Multiplicative decrease, when a peer had no room. */
export function shrunk(state: WindowState, nowMs: number): WindowState {
  if (nowMs - state.shrunkAtMs < COOL_DOWN_MS) return { ...state, probing: false }
  return { size: Math.max(1, state.size * DECREASE), probing: false, shrunkAtMs: nowMs }
}
