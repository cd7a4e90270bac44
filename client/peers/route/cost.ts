import type { Load } from '../../../protocol/index.ts'
import type { PeerLatency } from './latency-model.ts'

/** Weight of decode time: the caller reads along, so a late end hurts less than a late beginning. */
const DECODE_WEIGHT = 0.5
/** Assumed tokens of an answer without a bound on its length. */
const UNBOUNDED_ANSWER_TOKENS = 64
/** A caller's bound above this says how long an answer may be, not how long it will be. */
const MAX_ANSWER_TOKENS = 256
/** Below this a peer would never be asked again. Reputation has the same floor. */
const MIN_RELIABILITY = 0.1
const MIN_WARMTH = 0.1
/**
 * A relayed hop takes time, may be cut, and uses bandwidth that the relay shares among all. A direct peer is preferred
 * up to this many times the cost.
 */
const RELAYED_FACTOR = 1.25

export interface TtftInputs {
  readonly latency: PeerLatency
  /** A fresh sample, if there is one. */
  readonly load: Load | undefined
  /** Prompt tokens that are not in the engine's cache. */
  readonly uncachedTokens: number
  /** Time until the model is in memory; 0 if it is. */
  readonly coldStartMs: number
}

export interface CostInputs extends TtftInputs {
  /** Tokens that the answer may have; 0 if the caller set no bound. */
  readonly answerTokens: number
  /** Our requests in flight at the peer. */
  readonly inFlight: number
  /** 0.1 … 1: slow start of a new or returning peer. */
  readonly warmth: number
  /** The peer is reached through a relay. */
  readonly relayed: boolean
  /** 0 … 1: how often its recent attempts succeeded. */
  readonly reliability: number
}

/** Round trip + cold start + queue + prefill of the uncached tokens, in milliseconds. */
export function predictTtftMs({ latency, load, uncachedTokens, coldStartMs }: TtftInputs): number {
  const { rttMs, overheadMs, prefillRate } = latency
  const queueMs = load === undefined ? overheadMs : queueOf(load, overheadMs)
  return rttMs + coldStartMs + queueMs + (uncachedTokens / prefillRate) * 1000
}

/**
 * (predicted TTFT + weighted decode time) × (own requests in flight + 1) ÷ slow start ÷ reliability. The factor for
 * requests in flight is that of LMetric and PeakEWMA: it reacts at once and needs no constant.
 */
export function costOf(inputs: CostInputs): number {
  const { latency, answerTokens, inFlight, warmth, reliability, relayed } = inputs
  const tokens = Math.min(answerTokens || UNBOUNDED_ANSWER_TOKENS, MAX_ANSWER_TOKENS)
  const decodeMs = (tokens / latency.decodeRate) * 1000
  return (
    ((predictTtftMs(inputs) + DECODE_WEIGHT * decodeMs) *
      (inFlight + 1) *
      (relayed ? RELAYED_FACTOR : 1)) /
    Math.max(MIN_WARMTH, warmth) /
    Math.max(MIN_RELIABILITY, reliability)
  )
}

/** While all slots are taken, the node's own prediction counts; with a slot free, our measurements do. */
function queueOf(load: Load, overheadMs: number): number {
  const busy = load.state === 'saturated' || load.queueDepth > 0 || load.inFlight >= load.slots
  return busy ? Math.max(load.expectedTtftMs, overheadMs) * (load.queueDepth + 1) : overheadMs
}
