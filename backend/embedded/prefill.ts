import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import type { AnswerPlan } from './answer-plan.ts'

/** Tokens evaluated at once. Cancelling waits for one batch; other answers advance between batches. */
const PREFILL_CHUNK = 64

export interface WorkOptions {
  readonly signal: AbortSignal
  /** Receives token counts once the engine has read or written them. */
  readonly onEvaluated: (tokens: number) => void
  /** Called after each batch of the prompt: tokens in the KV cache, of all. */
  readonly onPrefill?: (tokens: number, of: number) => void
}

/**
 * A batch of tokens is not computed to the last bit like the same tokens one by one, which at a near tie is enough to
 * choose another word. The last token of the prompt was the first to be evaluated alone.
 */
export function singlyFrom({ prompt, prefix, exactResumeTokens }: AnswerPlan): number {
  const exact = prefix.length > 0 && prefix.length <= exactResumeTokens
  return exact ? prompt.length - 1 : Number.POSITIVE_INFINITY
}

/**
 * Evaluates all but the last token; from `singlyFrom` on one by one, as they were when they were written.
 *
 * @returns how many of them the sequence held already.
 */
export async function prefill(
  sequence: LlamaContextSequence,
  input: readonly Token[],
  singlyFrom: number,
  { signal, onEvaluated, onPrefill }: WorkOptions,
): Promise<number> {
  const end = input.length - 1
  await sequence.adaptStateToTokens(input.slice(0, end), false)
  const cached = sequence.nextTokenIndex
  for (let from = cached; from < end; ) {
    signal.throwIfAborted()
    const until = from < singlyFrom ? Math.min(from + PREFILL_CHUNK, singlyFrom) : from + 1
    const chunk = input.slice(from, Math.min(until, end))
    await sequence.evaluateWithoutGeneratingNewTokens(chunk)
    onEvaluated(chunk.length)
    from += chunk.length
    onPrefill?.(from, input.length)
  }
  signal.throwIfAborted()
  return cached
}
