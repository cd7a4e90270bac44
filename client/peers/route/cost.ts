import type { Load } from '../../../protocol/index.ts'
import type { PeerLatency } from './latency-model.ts'

/** Part of what an answer's length counts: the caller reads along, so a later end hurts less than a later beginning. */
const DECODE_WEIGHT = 0.5
/** Tokens of an answer whose length nobody bounded. */
const UNBOUNDED_ANSWER_TOKENS = 64
/** A caller's bound beyond this tells what may come, not what will. */
const MAX_ANSWER_TOKENS = 256
/** Below this a peer would never be asked again. Reputation has the same floor. */
const MIN_RELIABILITY = 0.1
const MIN_WARMTH = 0.1
/** A relayed hop takes time, may be cut, and takes of what the relay gives to all: a direct peer may be so much slower. */
const RELAYED_FACTOR = 1.25

export interface TtftInputs {
  readonly latency: PeerLatency
  /** A fresh sample, where there is one. */
  readonly load: Load | undefined
  /** Prompt tokens that the engine does not have in its cache. */
  readonly uncachedTokens: number
}

export interface CostInputs extends TtftInputs {
  /** Tokens that the answer may have; 0 where the caller did not say. */
  readonly answerTokens: number
  /** Requests of ours that the peer works on. */
  readonly inFlight: number
  /** 0.1 … 1: slow start of a new or returning peer. */
  readonly warmth: number
  /** It is reached through a relay. */
  readonly relayed: boolean
  /** 0 … 1: how often its attempts ended well, lately. */
  readonly reliability: number
}

/** Round trip + queue + prefill of what is not cached, in milliseconds. */
export function predictTtftMs({ latency, load, uncachedTokens }: TtftInputs): number {
  const { rttMs, overheadMs, prefillRate } = latency
  const queueMs = load === undefined ? overheadMs : queueOf(load, overheadMs)
  return rttMs + queueMs + (uncachedTokens / prefillRate) * 1000
}

/**
 * (predicted TTFT + weighted decode time) × (own requests in flight + 1) ÷ slow start ÷ reliability. The product with
 * what is in flight is LMetric's and PeakEWMA's: it reacts at once and needs no constant.
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

/** What the node predicts counts while all its slots are taken; with a slot free, what we measured does. */
function queueOf(load: Load, overheadMs: number): number {
  const busy = load.state === 'saturated' || load.queueDepth > 0 || load.inFlight >= load.slots
  return busy ? Math.max(load.expectedTtftMs, overheadMs) * (load.queueDepth + 1) : overheadMs
}
