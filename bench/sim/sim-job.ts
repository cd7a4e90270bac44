import { type Job, type Journal, parsePolicy, REQUEST_LIMITS } from '../../client/request/index.ts'
import type { SimClientInit } from './defence.ts'
import type { SimRequest } from './outcome.ts'

/** A quorum compares deterministic answers; none of this one's fields bends the comparison. */
export const ASKED = {
  kind: 'chat',
  body: { model: 'sim', messages: [], temperature: 0 },
} as const

const QUORUM = { withThird: 'quorum:2-of-3', withoutThird: 'quorum:2-of-2' } as const
const CHARS_PER_TOKEN = 4
/** Cut to the length of each prompt. What it says is never read. */
const TEXT: string = 'word '.repeat((100_000 * CHARS_PER_TOKEN) / 5)
/** Nothing reads it either: no request is encoded. */
const WIRE: Job['wire'] = {
  kind: 'chat',
  model: 'sim',
  body: new Uint8Array(),
  choices: 1,
  inputs: 0,
}
/** The control without a pace: whatever drips is waited for. */
const PATIENT = { stallFloorMs: 2 ** 31, minTokensPerSecond: 0 } as const

/** A request of these sizes, as a caller would stream it. */
export function jobOf(
  { policy, without = [] }: Pick<SimClientInit, 'policy' | 'without'>,
  asked: SimRequest,
  journal: Journal,
): Job {
  const { promptTokens, answerTokens, affinity } = asked
  const quorum = without.includes('third-peer') ? QUORUM.withoutThird : QUORUM.withThird
  const content = TEXT.slice(0, promptTokens * CHARS_PER_TOKEN)
  return {
    request: {
      kind: 'chat',
      body: {
        ...{ model: 'sim', temperature: 0, max_tokens: answerTokens },
        messages: [{ role: 'user', content }],
        ...(affinity !== undefined && { prompt_cache_key: affinity }),
      },
    },
    wire: WIRE,
    reference: { id: 'sim' },
    limits: without.includes('pace') ? { ...REQUEST_LIMITS, ...PATIENT } : REQUEST_LIMITS,
    plan: parsePolicy(policy === 'quorum' ? quorum : 'hedge'),
    toolCalls: 'whole',
    resume: 'same-model',
    restartable: false,
    journal,
  }
}
