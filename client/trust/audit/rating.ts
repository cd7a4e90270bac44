import {
  InferenceError,
  LIMITS,
  type ScoreRequest,
  type ScoreResponse,
  type Usage,
} from '../../../protocol/index.ts'
import { MIN_POSITIONS, type Verdict } from '../../request/index.ts'
import type { AnswerPart, AuditSubject } from './audit-subject.ts'
import { type PartRating, partRating } from './part-rating.ts'

/** Most likely tokens requested per position: at temperature 0 the first one suffices. */
const TOP = { exact: 1, sampled: 20 } as const
/** Max tokens rated of one part: more add no evidence. */
const MAX_RATED = 1_024
/** Max times that an answer is shortened to fit a scorer's context. */
const MAX_CUTS = 2
/** Max tokens that a template adds to a prompt. */
const MAX_TEMPLATE_TOKENS = 1_024
/** For estimates, if the engine reports no count. */
const BYTES_PER_TOKEN = 4

/** The response of a scorer. */
export interface Scored extends Pick<ScoreResponse, 'end' | 'scores' | 'text'> {
  /** As reported by the scorer. */
  readonly usage?: Usage | undefined
}

/** The result of one scorer, and its cost. Failures cost something, too. */
export interface RatingAttempt {
  readonly result: PartRating | { readonly error: unknown }
  /** Tokens that the scorer read. */
  readonly tokens: number
}

/** Whether the part has enough tokens for a meaningful rating. */
export function isRatable({ from, to }: Pick<AnswerPart, 'from' | 'to'>): boolean {
  return Math.min(to, LIMITS.maxScoredTokens) - from >= MIN_POSITIONS
}

/** Estimated tokens that a scorer reads to rate a part. */
export function estimatedTokens(
  promptBytes: number,
  part: Pick<AnswerPart, 'from' | 'to'>,
): number {
  return estimate(promptBytes, headOf(part))
}

function estimate(promptBytes: number, end: number): number {
  return Math.ceil(promptBytes / BYTES_PER_TOKEN) + end
}

/**
 * Has a part of an answer rated by one scorer; only the head of it, if the scorer's context is too small for all. A scorer
 * that rejects the token ids themselves accuses the peer, because the ids are not in its vocabulary.
 *
 * @param options `promptBytes` bounds the usage that the scorer may report; `isTextBeforeGenuine`: the text before the
 *   part is the text of its tokens
 */
export async function rate(
  subject: AuditSubject,
  part: AnswerPart,
  options: {
    readonly model: string
    readonly promptBytes: number
    readonly isTextBeforeGenuine: boolean
  },
  score: (body: ScoreRequest) => Promise<Scored>,
): Promise<RatingAttempt> {
  const { model, promptBytes, isTextBeforeGenuine } = options
  let tokens = 0
  let end = headOf(part)
  for (let cuts = 0; ; cuts += 1) {
    const { from } = part
    try {
      const response = await score(scoreRequest(subject, { from, to: end }, model))
      const rated = { ...part, isWhole: end === part.to }
      const result = partRating(response, subject, rated, isTextBeforeGenuine)
      return { result, tokens: tokens + readBy(response.usage, end, promptBytes) }
    } catch (error) {
      if (refusesCompletion(error)) return { result: refused(end - from), tokens }
      if (InferenceError.is(error) && mayHaveRead(error)) {
        tokens += estimate(promptBytes, end)
      }
      const shorter = InferenceError.is(error, 'context_too_long') ? cut(end, error) : 0
      if (cuts === MAX_CUTS || shorter - from < MIN_POSITIONS) return { result: { error }, tokens }
      end = shorter
    }
  }
}

/** The end of the part's head. */
function headOf({ from, to }: Pick<AnswerPart, 'from' | 'to'>): number {
  return Math.min(to, LIMITS.maxScoredTokens, from + MAX_RATED)
}

/** A shorter end that fits the reported context; half of it if none is reported. */
function cut(end: number, error: InferenceError): number {
  const { promptTokens = 0, contextLength = 0 } = error.detailsOf('context_too_long')
  const excess = promptTokens - contextLength
  // Some engines reserve room for one more token.
  return excess >= 0 && contextLength > 0 ? end - excess - 1 : Math.floor(end / 2)
}

/** Whether the engine may have read some of the tokens before the failure. */
function mayHaveRead({ code, traits: { kind } }: InferenceError): boolean {
  if (kind === 'transport') return code !== 'dial_failed'
  return kind === 'protocol' || kind === 'engine' || code === 'deadline_exceeded'
}

function refusesCompletion(error: unknown): boolean {
  if (!InferenceError.is(error, 'invalid_request')) return false
  const [field] = error.details.param?.split('.') ?? []
  return field === 'completion'
}

function refused(positions: number): PartRating {
  const verdict: Verdict = {
    outcome: 'failed',
    positions,
    misses: 1,
    hardMisses: 1,
    meanMargin: 0,
    logRatio: 0,
    finding: 'it sent token ids that are not in its vocabulary',
  }
  return { verdict, isTextGenuine: false }
}

/** Tokens read according to the scorer, limited to plausible values. */
function readBy(usage: Usage | undefined, end: number, promptBytes: number): number {
  if (usage === undefined) return estimate(promptBytes, end)
  const most = end + promptBytes + MAX_TEMPLATE_TOKENS
  return Math.min(most, Math.max(end, usage.promptTokens))
}

function scoreRequest(
  { asked, tokenIds, temperature }: AuditSubject,
  { from, to }: Pick<AnswerPart, 'from' | 'to'>,
  model: string,
): ScoreRequest {
  return {
    model,
    request: { ...asked, body: { ...asked.body, model } } as ScoreRequest['request'],
    completion: tokenIds.slice(0, to),
    ...(from > 0 && { positions: Array.from({ length: to - from }, (_, at) => from + at) }),
    top_logprobs: temperature > 0 ? TOP.sampled : TOP.exact,
  }
}
