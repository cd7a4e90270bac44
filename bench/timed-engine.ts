import { type Backend, createScriptedBackend } from '../backend/index.ts'
import { createPacedEngine } from '../testing/engines/chaos-engine.ts'
import { Random } from '../testing/index.ts'
import type { TimedEngine } from './peer-process.ts'

/** The model that timed engines serve. */
export const TIMED_MODEL = 'counter'

const DIGEST = `sha256:${'6'.repeat(64)}`

/** @param index tells apart the engines of one process, so that each draws numbers of its own */
export function createTimedEngine(init: TimedEngine, index: number): Backend {
  const { type, slots, paceMs } = init
  if (type === 'steady') return createPacedEngine({ model: TIMED_MODEL, slots, paceMs })
  const { prefillMs, slow } = init
  const random = new Random((slow?.seed ?? 0) + index)
  const isSlow = (): boolean => slow !== undefined && random.chance(slow.share)
  return createScriptedBackend({
    models: [{ id: TIMED_MODEL, digest: DIGEST }],
    slots,
    paceMs,
    script: () => ({ prefillMs: isSlow() ? prefillMs * (slow?.factor ?? 1) : prefillMs }),
  })
}
