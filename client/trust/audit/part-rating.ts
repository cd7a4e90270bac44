import type { EndScore, ScoreResponse } from '../../../protocol/index.ts'
import type { Verdict } from '../../request/index.ts'
import { HARD_MARGIN, MIN_SAMPLED, tokenVerdict } from '../verify/index.ts'
import type { AnswerPart, AuditSubject } from './audit-subject.ts'
import { compareText, type TextMatch } from './shown-text.ts'

/** Margin that makes an end a hard miss at temperatures above 0, in nats: e⁻¹² is one in 160,000. */
const HARD_SAMPLED_MARGIN = 12

interface RatedPart extends Pick<AnswerPart, 'finish' | 'shown'> {
  /** All of its tokens were rated, not only its head. @default true */
  readonly isWhole?: boolean
}

/** The rating of a part of an answer by one engine. */
export interface PartRating {
  readonly verdict: Verdict
  /** The displayed text up to the end of the part is the text that its token ids spell. */
  readonly isTextGenuine: boolean
}

/**
 * Rates the tokens of a part, then the text displayed for them, and the end.
 *
 * @param isTextBeforeGenuine the text before this part is what its token ids spell; otherwise this peer is not blamed
 */
export function partRating(
  { scores, text, end }: Pick<ScoreResponse, 'end' | 'scores' | 'text'>,
  { temperature, sampling, stops = [] }: Pick<AuditSubject, 'sampling' | 'stops' | 'temperature'>,
  { shown, finish, isWhole = true }: RatedPart,
  isTextBeforeGenuine: boolean,
): PartRating {
  const verdict = tokenVerdict(scores, temperature, sampling)
  const match: TextMatch | undefined =
    text === undefined || shown === undefined
      ? undefined
      : compareText({ ...shown, isHead: !isWhole }, text, stops)
  if (match === 'different') {
    const blamed = isTextBeforeGenuine ? withDifferentText(verdict) : verdict
    return { verdict: blamed, isTextGenuine: false }
  }
  const isTextGenuine = match !== undefined
  const mayHaveStopped = match === undefined ? stops.length > 0 : match === 'stopped'
  const endsItself = isWhole && finish === 'stop' && !mayHaveStopped
  const isEarly = endsItself && end !== undefined && wouldContinue(end, temperature)
  return { verdict: isEarly ? withEarlyEnd(verdict) : verdict, isTextGenuine }
}

function withDifferentText(verdict: Verdict): Verdict {
  return { ...verdict, outcome: 'failed', finding: 'it displayed another text than its tokens' }
}

/** Counts as one hard miss: not proof by itself, but it adds up. */
function withEarlyEnd(verdict: Verdict): Verdict {
  return {
    ...verdict,
    outcome: verdict.outcome === 'failed' ? 'failed' : 'suspect',
    hardMisses: verdict.hardMisses + 1,
    finding: 'it ended where its weights would have continued',
  }
}

/** Whether the engine would not have ended there. */
function wouldContinue({ logprob, top }: EndScore, temperature: number): boolean {
  const [first] = top
  if (first === undefined) return false
  if (temperature < MIN_SAMPLED) {
    return first.logprob - (logprob ?? Number.NEGATIVE_INFINITY) > HARD_MARGIN
  }
  // An unreported end is less likely than the last reported token.
  const most = logprob ?? top.at(-1)?.logprob ?? first.logprob
  return (first.logprob - most) / temperature > HARD_SAMPLED_MARGIN
}
