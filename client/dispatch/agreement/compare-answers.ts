import type { AnswerRequest } from '../../../protocol/index.ts'
import type { ComparableAnswer, Comparison } from './comparable-answer.ts'
import { compareEmbeddings } from './compare-embeddings.ts'
import { partsAtNearTie } from './near-tie.ts'
import { sameText, sameToolCalls } from './same-meaning.ts'
/**
 * Compares two complete answers to one deterministic request, in either order.
 *
 * - `same`: equal texts and tool calls, equal JSON in any notation, or one number with other punctuation around it.
 * - `tolerated`: they diverge at a near tie, as honest engines do for about 0.5 % of tokens.
 * - `different`: anything else. Which peer is at fault only a third answer can show.
 *
 * If a filter cut one answer and not the other, they are different whatever their content. Other finish reasons are not
 * compared, as engines name the same end differently.
 */
export function compareAnswers(
  a: ComparableAnswer,
  b: ComparableAnswer,
  request: AnswerRequest,
): Comparison {
  if (a.kind !== b.kind) return 'different'
  if (a.kind === 'embedding') return compareEmbeddings(a.embeddings, b.embeddings)
  if (isFiltered(a) !== isFiltered(b)) return 'different'
  if (sameText(a.text, b.text, request) && sameToolCalls(a, b)) return 'same'
  return partsAtNearTie(a, b) ? 'tolerated' : 'different'
}

function isFiltered({ finishReason }: ComparableAnswer): boolean {
  return finishReason === 'content_filter'
}
