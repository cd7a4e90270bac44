import type { EndScore, ScoreResponse } from '../../../protocol/index.ts'
import type { Verdict } from '../../request/index.ts'
import { HARD_MARGIN, judge, MIN_SAMPLED } from '../verify/index.ts'
import type { AnswerPart, AuditSubject } from './audit-subject.ts'
import { compareText, type Likeness } from './shown-text.ts'

/** At any other temperature than 0 an end so much less likely than the first token is a hard miss: e⁻¹² is one in 160,000. */
const HARD_SAMPLED_MARGIN = 12

interface RatedPart extends Pick<AnswerPart, 'finish' | 'shown'> {
  /** All of its tokens were rated, not its head only. @default true */
  readonly isWhole?: boolean
}

/** What one engine's rating says of a part of an answer. */
export interface Judged {
  readonly verdict: Verdict
  /** The text shown up to the end of the part is what the ids spell. */
  readonly isBound: boolean
}

/**
 * Judges the tokens, then the text that was shown for them and the end.
 *
 * @param areOthersBound the text shown before this part is what its ids spell: else this peer is not to be blamed
 */
export function judgePart(
  { scores, text, end }: Pick<ScoreResponse, 'end' | 'scores' | 'text'>,
  { temperature, drawing, stops = [] }: Pick<AuditSubject, 'drawing' | 'stops' | 'temperature'>,
  { shown, finish, isWhole = true }: RatedPart,
  areOthersBound: boolean,
): Judged {
  const verdict = judge(scores, temperature, drawing)
  const likeness: Likeness | undefined =
    text === undefined || shown === undefined
      ? undefined
      : compareText({ ...shown, isHead: !isWhole }, text, stops)
  if (likeness === 'another') {
    return { verdict: areOthersBound ? ofAnotherText(verdict) : verdict, isBound: false }
  }
  const isBound = likeness !== undefined
  const mayHaveStopped = likeness === undefined ? stops.length > 0 : likeness === 'stopped'
  const endsItself = isWhole && finish === 'stop' && !mayHaveStopped
  if (!endsItself || end === undefined || !goesOn(end, temperature)) return { verdict, isBound }
  return { verdict: ofAnEarlyEnd(verdict), isBound }
}

function ofAnotherText(verdict: Verdict): Verdict {
  return { ...verdict, outcome: 'failed', finding: 'it showed another text than it wrote' }
}

/** One place, like a token that its weights would not have written: it proves nothing by itself, and adds up. */
function ofAnEarlyEnd(verdict: Verdict): Verdict {
  return {
    ...verdict,
    outcome: verdict.outcome === 'failed' ? 'failed' : 'suspect',
    hardMisses: verdict.hardMisses + 1,
    finding: 'it ended where its weights would have gone on',
  }
}

/** Whether the engine would not have ended there. */
function goesOn({ logprob, top }: EndScore, temperature: number): boolean {
  const [first] = top
  if (first === undefined) return false
  if (temperature < MIN_SAMPLED)
    return first.logprob - (logprob ?? Number.NEGATIVE_INFINITY) > HARD_MARGIN
  // What is not told is less likely than the last that is.
  const most = logprob ?? top.at(-1)?.logprob ?? first.logprob
  return (first.logprob - most) / temperature > HARD_SAMPLED_MARGIN
}
