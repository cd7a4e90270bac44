/** Initial size if no slots are known: a laptop or two. */
const INITIAL = 8
/** One part running in each slot and one queued at the node, so that no slot idles for a round trip. */
const PER_SLOT = 2
/** Max concurrent parts of one call: each holds a stream and its buffers. */
const MAX = 256
/** TCP CUBIC's factor (RFC 9438): halving wastes more than a refusal costs. */
const DECREASE = 0.7
/** Refusals within this time have the same cause and count once. */
const COOL_DOWN_MS = 500

export interface WindowState {
  /** Concurrent parts; may be fractional. */
  readonly size: number
  /** Before the first refusal the window grows by one per answer, afterwards by one per window of answers. */
  readonly probing: boolean
  readonly shrunkAtMs: number
}

/** @param slots total of the known peers; 0 if none are known */
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

/** Multiplicative decrease, after a peer was busy. */
export function shrunk(state: WindowState, nowMs: number): WindowState {
  if (nowMs - state.shrunkAtMs < COOL_DOWN_MS) return { ...state, probing: false }
  return { size: Math.max(1, state.size * DECREASE), probing: false, shrunkAtMs: nowMs }
}
