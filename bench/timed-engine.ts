import { type Backend, createScriptedBackend } from '../backend/index.ts'
import { createPacedEngine } from '../testing/engines/chaos-engine.ts'
import type { TimedEngine } from './peer-process.ts'

/** The model that timed engines serve. */
export const TIMED_MODEL = 'counter'

const DIGEST = `sha256:${'6'.repeat(64)}`

/** @param index tells apart the engines of one process, so that each draws numbers of its own */
export function createTimedEngine(init: TimedEngine, index: number): Backend {
  const { type, slots, paceMs } = init
  if (type === 'steady') return createPacedEngine({ model: TIMED_MODEL, slots, paceMs })
  const { prefillMs, slow } = init
  const random = seededRandom((slow?.seed ?? 0) + index)
  const isSlow = (): boolean => slow !== undefined && random() < slow.share
  return createScriptedBackend({
    models: [{ id: TIMED_MODEL, digest: DIGEST }],
    slots,
    paceMs,
    script: () => ({ prefillMs: isSlow() ? prefillMs * (slow?.factor ?? 1) : prefillMs }),
  })
}

/** Numbers from 0, below 1: the high bits of a linear congruential generator (Knuth's MMIX constants). */
export function seededRandom(seed: number): () => number {
  let state = BigInt(seed) * 2n + 1n
  const next = (): number => {
    state = BigInt.asUintN(64, state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n)
    return Number(state >> 11n) / 2 ** 53
  }
  // Neighbouring seeds begin alike.
  for (let skipped = 0; skipped < 16; skipped++) next()
  return next
}
