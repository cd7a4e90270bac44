import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import type { PositionScore, ScoredToken, Usage } from '../../protocol/index.ts'
import { tooLong } from './prompt.ts'
import type { SequencePool } from './sequence-pool.ts'

/** Tokens evaluated in one go, as when an answer's prompt is read. */
const CHUNK = 64
/** Likeliest tokens that the engine is asked for. More costs time, and tells of nothing that a model would write. */
const TOLD = 64
/** The whole distribution, as the model has it: at temperature 0 the engine would give the vocabulary, by default a part. */
const UNFILTERED = { temperature: 1, topK: TOLD, topP: 1, minP: 0 } as const

export interface ScorePlan {
  readonly prompt: readonly Token[]
  readonly completion: readonly Token[]
  /** Ascending places of the completion. */
  readonly positions: readonly number[]
  /** Likeliest tokens to tell of. */
  readonly top: number
  readonly group: string | undefined
  readonly contextLength: number
}

export interface ScoreSummary {
  readonly scores: readonly PositionScore[]
  readonly usage: Usage
  readonly evaluatedTokens: number
}

/**
 * Rates the tokens of an answer in one pass over it, as if each was to be drawn next.
 *
 * @throws InferenceError `context_too_long`; the signal's reason
 */
export async function scoreTokens(
  pool: SequencePool,
  plan: ScorePlan,
  options: { readonly signal: AbortSignal; readonly onEvaluated: (tokens: number) => void },
): Promise<ScoreSummary> {
  const { prompt, completion, contextLength, group } = plan
  const { signal, onEvaluated } = options
  const length = prompt.length + completion.length
  if (length > contextLength) throw tooLong(length, contextLength)
  const lease = await pool.acquire(prompt, group, signal)
  try {
    const { sequence } = lease
    if (lease.cold) await sequence.clearHistory()
    // The token before the first rated one is evaluated with it.
    const before = prompt.slice(0, -1)
    await sequence.adaptStateToTokens(before, false)
    const cached = sequence.nextTokenIndex
    for (let from = cached; from < before.length; from += CHUNK) {
      signal.throwIfAborted()
      const chunk = before.slice(from, from + CHUNK)
      await sequence.evaluateWithoutGeneratingNewTokens(chunk)
      onEvaluated(chunk.length)
    }
    const read = [...prompt.slice(-1), ...completion.slice(0, -1)]
    const scores: PositionScore[] = []
    for (let from = 0; from < read.length; from += CHUNK) {
      signal.throwIfAborted()
      const chunk = read.slice(from, from + CHUNK)
      scores.push(...(await scoreChunk(sequence, chunk, { ...plan, from })))
      onEvaluated(chunk.length)
    }
    return {
      scores,
      usage: {
        promptTokens: length,
        completionTokens: 0,
        cachedPromptTokens: Math.min(cached, prompt.length),
      },
      evaluatedTokens: length - cached,
    }
  } finally {
    lease.release()
  }
}

interface Chunk extends Pick<ScorePlan, 'completion' | 'positions' | 'top'> {
  /** Place of the token that follows the first one read. */
  readonly from: number
}

async function scoreChunk(
  sequence: LlamaContextSequence,
  read: readonly Token[],
  { completion, positions, top, from }: Chunk,
): Promise<readonly PositionScore[]> {
  const wanted = new Set(positions)
  const results = await sequence.controlledEvaluate(
    read.map((token, at) =>
      wanted.has(from + at)
        ? [token, { generateNext: { probabilities: true, options: UNFILTERED } }]
        : token,
    ),
  )
  return results.flatMap((result, at) => {
    const id = completion[from + at]
    const probabilities = result?.next.probabilities
    if (probabilities === undefined || id === undefined) return []
    const told = [...probabilities]
      .map(([token, probability]): ScoredToken => ({ id: token, logprob: Math.log(probability) }))
      .filter(({ logprob }) => Number.isFinite(logprob))
      .sort((a, b) => b.logprob - a.logprob)
    const own = told.find((token) => token.id === id)
    return { position: from + at, id, logprob: own?.logprob ?? null, top: told.slice(0, top) }
  })
}
