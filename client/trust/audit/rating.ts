import {
  InferenceError,
  LIMITS,
  type ScoreRequest,
  type ScoreResponse,
  type Usage,
} from '../../../protocol/index.ts'
import { MIN_POSITIONS, type Verdict } from '../../request/index.ts'
import type { AnswerPart, AuditSubject } from './audit-subject.ts'
import { type Judged, judgePart } from './judge-part.ts'

/** Likeliest tokens that are asked for: at temperature 0 the first tells all. */
const TOP = { exact: 1, sampled: 20 } as const
/** Tokens of one part that are rated at most: by then what they say of a whole answer grows no more. */
const MAX_RATED = 1_024
/** Times that an answer is cut for a scorer whose context it exceeds. */
const MAX_CUTS = 2
/** Tokens that a template may add to what was asked. */
const MAX_TEMPLATE_TOKENS = 1_024
/** Of text: for an estimate where nobody counts. */
const BYTES_PER_TOKEN = 4
/** What a scorer gave. */
export interface Scored extends Pick<ScoreResponse, 'end' | 'scores' | 'text'> {
  /** By its own word. */
  readonly usage?: Usage | undefined
}

/** One scorer's work, and what it took: failures take something, too. */
export interface RatingAttempt {
  readonly result: Judged | { readonly error: unknown }
  /** Tokens that were read for it. */
  readonly tokens: number
}

/** Less say nothing, so that nobody is asked. */
export function isRatable({ from, to }: Pick<AnswerPart, 'from' | 'to'>): boolean {
  return Math.min(to, LIMITS.maxScoredTokens) - from >= MIN_POSITIONS
}

/** Tokens that rating a part takes, by an estimate. */
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
 * Has a part of an answer rated by one scorer: its head, where all of it is more than the scorer takes. A scorer that
 * refuses the token ids themselves accuses the peer: they are none of its vocabulary.
 *
 * @param options of what was asked, which bounds what the scorer says that it read; and whether the text before the part
 *   is that of its tokens
 */
export async function rate(
  subject: AuditSubject,
  part: AnswerPart,
  options: { readonly model: string; readonly promptBytes: number; readonly areBound: boolean },
  score: (body: ScoreRequest) => Promise<Scored>,
): Promise<RatingAttempt> {
  const { model, promptBytes, areBound } = options
  let tokens = 0
  let end = headOf(part)
  for (let cuts = 0; ; cuts += 1) {
    const { from } = part
    try {
      const response = await score(scoreRequest(subject, { from, to: end }, model))
      const result = judgePart(response, subject, { ...part, isWhole: end === part.to }, areBound)
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

/** Where its head ends. */
function headOf({ from, to }: Pick<AnswerPart, 'from' | 'to'>): number {
  return Math.min(to, LIMITS.maxScoredTokens, from + MAX_RATED)
}

/** So that it fits, by what the scorer says of its context, or half of it. */
function cut(end: number, error: InferenceError): number {
  const { promptTokens = 0, contextLength = 0 } = error.detailsOf('context_too_long')
  const excess = promptTokens - contextLength
  // Some engines want room for one token more.
  return excess >= 0 && contextLength > 0 ? end - excess - 1 : Math.floor(end / 2)
}

/** Whether the engine may have read at least a part before the failure. */
function mayHaveRead({ code, traits: { kind } }: InferenceError): boolean {
  if (kind === 'transport') return code !== 'dial_failed'
  return kind === 'protocol' || kind === 'engine' || code === 'deadline_exceeded'
}

function refusesCompletion(error: unknown): boolean {
  if (!InferenceError.is(error, 'invalid_request')) return false
  const [field] = error.details.param?.split('.') ?? []
  return field === 'completion'
}

function refused(positions: number): Judged {
  const verdict: Verdict = {
    ...{ outcome: 'failed', positions, misses: 1, hardMisses: 1, meanMargin: 0, logRatio: 0 },
    finding: 'it gave token ids that are none of its vocabulary',
  }
  return { verdict, isBound: false }
}

/** What a scorer says that it read, as far as that can be. */
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
