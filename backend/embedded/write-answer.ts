import type { Token } from 'node-llama-cpp'
import type { FinishReason, Usage } from '../../protocol/index.ts'
import type { AnswerPlan } from './answer-plan.ts'
import { drawTokens } from './draw-tokens.ts'
import { GrammarGuide } from './grammar.ts'
import type { LoadedEngine } from './load-engine.ts'
import type { TextEvent } from './messages.ts'
import { prefill, singlyFrom, type WorkOptions } from './prefill.ts'
import { tooLong } from './prompt.ts'
import type { SequencePool } from './sequence-pool.ts'
import { NOTHING, WHOLE, WrittenAnswer } from './written-answer.ts'

export interface AnswerSummary {
  /** Completion tokens are those generated here, without the prefix. */
  readonly usage: Usage
  /** Tokens of the prompt and prefix that had to be evaluated. */
  readonly evaluatedTokens: number
  readonly prefillMs: number
  readonly decodeMs: number
}

/**
 * Writes one answer, from its start or on from where another engine left off.
 *
 * @throws InferenceError `context_too_long`, `not_resumable`, `capability_unavailable`; the signal's reason.
 */
export async function* writeAnswer(
  engine: Pick<LoadedEngine, 'llama' | 'model' | 'contextLength'>,
  pool: SequencePool,
  plan: AnswerPlan,
  options: WorkOptions,
): AsyncGenerator<TextEvent, AnswerSummary, void> {
  const { prompt, prefix } = plan
  const { signal, onEvaluated } = options
  if (prompt.length >= engine.contextLength) throw tooLong(prompt.length, engine.contextLength)
  const answer = new WrittenAnswer(engine.model, plan)
  const room = engine.contextLength - prompt.length
  const left = Math.min(plan.maxTokens ?? room, room) - prefix.length
  const start = answer.start()
  const early = answer.ended ?? (left <= 0 ? 'length' : undefined)
  if (early !== undefined) {
    yield answer.finish(early, start)
    return unworked(prompt.length)
  }
  const isNew = start.text !== '' || start.reasoning !== '' || start.calls.length > 0
  if (isNew) yield { ...NOTHING, ...start }
  const grammar = await guideOf(engine, plan, answer)
  const input = [...prompt, ...prefix]
  const lease = await pool.acquire(input, plan.group, signal)
  const startedAt = performance.now()
  let firstAt: number | undefined
  let cached = 0
  const written: Token[] = [...prefix]
  try {
    if (lease.cold) await lease.sequence.clearHistory()
    cached = await prefill(lease.sequence, input, singlyFrom(plan), options)
    const drawing = drawTokens({
      sequence: lease.sequence,
      last: input.at(-1) as Token,
      sampling: plan.sampling,
      grammar,
      answer: written,
      confidence: plan.topLogprobs !== undefined,
      probabilities: (plan.topLogprobs ?? 0) > 0,
    })
    let finish: FinishReason = 'stop'
    for await (const drawn of drawing) {
      firstAt ??= performance.now()
      onEvaluated(1)
      signal.throwIfAborted()
      written.push(drawn.token)
      const event = answer.push(drawn)
      if (answer.ended !== undefined) break
      if (written.length - prefix.length >= left) {
        finish = 'length'
        if (event !== undefined) yield event
        break
      }
      if (event !== undefined) yield event
      await grammar?.follow(answer.held)
    }
    signal.throwIfAborted()
    yield answer.finish(answer.ended ?? finish)
  } finally {
    lease.release()
  }
  const endedAt = performance.now()
  return {
    usage: {
      promptTokens: prompt.length,
      completionTokens: written.length - prefix.length,
      cachedPromptTokens: Math.min(cached, prompt.length),
      ...(plan.thoughts !== undefined && { reasoningTokens: answer.reasoningTokens }),
    },
    evaluatedTokens: input.length - cached,
    prefillMs: (firstAt ?? endedAt) - startedAt,
    decodeMs: endedAt - (firstAt ?? endedAt),
  }
}

async function guideOf(
  engine: Pick<LoadedEngine, 'llama' | 'model'>,
  { grammar, prefix, thoughts }: AnswerPlan,
  answer: WrittenAnswer,
): Promise<GrammarGuide | undefined> {
  if (grammar === undefined) return undefined
  const guide = await GrammarGuide.create(engine, grammar.text)
  if (grammar.holds === 'answer' && thoughts === undefined) await guide.holdAll(prefix, WHOLE)
  else await guide.follow(answer.held)
  return guide
}

function unworked(promptTokens: number): AnswerSummary {
  const usage = { promptTokens, completionTokens: 0, cachedPromptTokens: 0 }
  return { usage, evaluatedTokens: 0, prefillMs: 0, decodeMs: 0 }
}
