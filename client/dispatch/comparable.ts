import type { AnswerRequest } from '../../protocol/index.ts'
import { type AnswerChunk, type AnswerPiece, ToolCallAssembly } from '../request/index.ts'
import type { ComparableAnswer } from './agreement/index.ts'
/** The parts of a complete single-choice answer that are compared. */
export function comparable(
  kind: AnswerRequest['kind'],
  pieces: readonly AnswerPiece[],
): ComparableAnswer {
  const toolCalls = new ToolCallAssembly()
  const embeddings: { index: number; embedding: readonly number[] }[] = []
  const texts: string[] = []
  let finishReason: string | null = null
  for (const { chunk } of pieces) {
    if (chunk.kind === 'score') continue
    if (chunk.kind === 'embedding') embeddings.push(chunk.item)
    else {
      texts.push(textOf(chunk))
      finishReason = chunk.choices[0]?.finish_reason ?? finishReason
    }
    if (chunk.kind === 'chat') toolCalls.add(chunk.choices[0]?.delta.tool_calls ?? [])
  }
  return {
    kind: kind as ComparableAnswer['kind'],
    text: texts.join(''),
    toolCalls: toolCalls.calls().map((call) => call.function),
    finishReason,
    tokenIds: pieces.flatMap(({ tokenIds }) => tokenIds),
    logprobs: pieces.flatMap(({ logprobs }) => logprobs),
    margins: pieces.flatMap(({ chunk }) => marginsOf(chunk)),
    embeddings: embeddings.sort((a, b) => a.index - b.index).map(({ embedding }) => embedding),
  }
}

function textOf(chunk: Extract<AnswerChunk, { kind: 'chat' | 'completion' }>): string {
  if (chunk.kind === 'completion') return chunk.choices[0]?.text ?? ''
  const { content, refusal } = chunk.choices[0]?.delta ?? {}
  return (content ?? '') + (refusal ?? '')
}

/** Margin of the likeliest token over the second, for each token, if the caller requested top log probabilities. */
function marginsOf(chunk: AnswerChunk): (number | undefined)[] {
  if (chunk.kind !== 'chat') return []
  return (chunk.choices[0]?.logprobs?.content ?? []).map(({ top_logprobs }) => {
    const [first, second] = top_logprobs.map(({ logprob }) => logprob).sort((a, b) => b - a)
    return first === undefined || second === undefined ? undefined : first - second
  })
}
