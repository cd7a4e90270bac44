import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import type { EndScore, PositionScore, ScoredToken, Usage } from '../../protocol/index.ts'
import { tooLong } from './prompt.ts'
import type { SequencePool } from './sequence-pool.ts'

/** Tokens evaluated at once, as during prefill. */
const CHUNK = 64
/** Most likely tokens requested from the engine. More costs time and covers only tokens that a model would not write. */
const TOLD = 64
/** The whole distribution, as the model has it: at temperature 0 the engine would give the vocabulary, by default a part. */
const UNFILTERED = { temperature: 1, topK: TOLD, topP: 1, minP: 0 } as const

export interface ScorePlan {
  readonly prompt: readonly Token[]
  readonly completion: readonly Token[]
  /** Ascending places of the completion. */
  readonly positions: readonly number[]
  /** Most likely tokens to report. */
  readonly top: number
  readonly group: string | undefined
  readonly contextLength: number
  /** Whether an answer ends with this token. */
  readonly endsAnswer: (token: Token) => boolean
}

export interface ScoreSummary {
  readonly scores: readonly PositionScore[]
  /** Absent if the answer ends with an end token, its end is not rated, or the context is full. */
  readonly end: EndScore | undefined
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
    const read = [...prompt.slice(-1), ...(ratesEnd(plan) ? completion : completion.slice(0, -1))]
    const scores: PositionScore[] = []
    let end: EndScore | undefined
    for (let from = 0; from < read.length; from += CHUNK) {
      signal.throwIfAborted()
      const chunk = read.slice(from, from + CHUNK)
      for (const [position, ratings] of await rateChunk(sequence, chunk, { ...plan, from })) {
        const id = completion[position]
        if (id === undefined) end = endOf(ratings, plan)
        else scores.push(scoreOf(position, id, ratings, plan.top))
      }
      onEvaluated(chunk.length)
    }
    return {
      ...{ scores, end },
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

/** Requires a free position in the context: otherwise the engine would drop the beginning. */
function ratesEnd({
  prompt,
  completion,
  positions,
  contextLength,
  endsAnswer,
}: ScorePlan): boolean {
  const last = completion.at(-1)
  if (last === undefined || endsAnswer(last)) return false
  const isRated = positions.at(-1) === completion.length - 1
  return isRated && prompt.length + completion.length < contextLength
}

interface Chunk extends Pick<ScorePlan, 'completion' | 'positions'> {
  /** Place of the token that follows the first one read. */
  readonly from: number
}

/** What could follow, likeliest first, at each place that is to be rated; the place behind the last is its end. */
async function rateChunk(
  sequence: LlamaContextSequence,
  read: readonly Token[],
  { completion, positions, from }: Chunk,
): Promise<readonly (readonly [position: number, ratings: readonly ScoredToken[]])[]> {
  const wanted = new Set(positions).add(completion.length)
  const results = await sequence.controlledEvaluate(
    read.map((token, at) =>
      wanted.has(from + at)
        ? [token, { generateNext: { probabilities: true, options: UNFILTERED } }]
        : token,
    ),
  )
  return results.flatMap((result, at) => {
    const probabilities = result?.next.probabilities
    if (probabilities === undefined) return []
    const ratings = [...probabilities]
      .map(([token, probability]): ScoredToken => ({ id: token, logprob: Math.log(probability) }))
      .filter(({ logprob }) => Number.isFinite(logprob))
      .sort((a, b) => b.logprob - a.logprob)
    return [[from + at, ratings] as const]
  })
}

function scoreOf(
  position: number,
  id: Token,
  ratings: readonly ScoredToken[],
  top: number,
): PositionScore {
  const own = ratings.find((token) => token.id === id)
  return { position, id, logprob: own?.logprob ?? null, top: ratings.slice(0, top) }
}

function endOf(ratings: readonly ScoredToken[], { endsAnswer, top }: ScorePlan): EndScore {
  const isEnd = ({ id }: ScoredToken): boolean => endsAnswer(id as Token)
  const sum = ratings.filter(isEnd).reduce((total, { logprob }) => total + Math.exp(logprob), 0)
  return {
    logprob: sum > 0 ? Math.log(Math.min(1, sum)) : null,
    top: ratings.filter((token) => !isEnd(token)).slice(0, top),
  }
}
