import * as z from 'zod'
import {
  hasAtMost,
  InferenceError,
  type InferenceRequest,
  LIMITS,
  listOf,
  plainLine,
} from '../../protocol/index.ts'
import type { AnswerChunk } from '../request/index.ts'

const index = z
  .int()
  .min(0)
  .max(LIMITS.maxChoices - 1)
const finishReason = z
  .enum(['stop', 'length', 'tool_calls', 'content_filter'])
  .nullable()
  .default(null)
const name = z.string().max(LIMITS.maxNameLength)

/** Tokens of one chunk. What follows is checked up to the first fault: a frame has room for many. */
const TOKENS = { max: LIMITS.maxTokenIds }
/** Numbers of one embedding. */
const MAX_DIMENSIONS = 65_536

const UTF8 = new TextDecoder('utf-8', { fatal: true })

const isNumber = (value: unknown): value is number => Number.isFinite(value)

const topLogprob = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: listOf(z.int().min(0).max(255), { max: LIMITS.maxMessageLength }).nullable().default(null),
})
const tokenLogprob = topLogprob.extend({
  top_logprobs: z.array(topLogprob).max(LIMITS.maxTopLogprobs).default([]),
})

/** A natural log probability. Rounding in engines can give a little above 0. */
const logprob = z.number().max(1e-3)

const scoredTokens = z.array(z.object({ id: z.int().min(0), logprob })).max(LIMITS.maxTopLogprobs)

const toolCallDelta = z.object({
  index: z.int().min(0).max(127),
  id: name.optional(),
  type: z.literal('function').optional(),
  function: z.object({ name: name.optional(), arguments: z.string().optional() }).optional(),
})

const stopReason = z.string().max(LIMITS.maxStopLength).nullish()

const chatChoice = z.object({
  index,
  delta: z.object({
    content: z.string().nullish(),
    reasoning_content: z.string().nullish(),
    refusal: z.string().nullish(),
    tool_calls: z.array(toolCallDelta).max(128).optional(),
  }),
  finish_reason: finishReason,
  stop_reason: stopReason,
  logprobs: z.object({ content: listOf(tokenLogprob, TOKENS).nullable() }).nullish(),
})

/** The sampled token may come beside the most likely ones. */
const topLogprobs = z.custom<Record<string, number>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    hasAtMost(value, LIMITS.maxTopLogprobs + 1) &&
    Object.values(value).every(isNumber),
)

const completionChoice = z.object({
  index,
  text: z.string(),
  finish_reason: finishReason,
  stop_reason: stopReason,
  logprobs: z
    .object({
      tokens: listOf(z.string(), TOKENS),
      token_logprobs: listOf(z.number(), TOKENS),
      top_logprobs: listOf(topLogprobs, TOKENS).nullable(),
      text_offset: listOf(z.int().min(0), TOKENS),
    })
    .nullish(),
})

const schemas = {
  chat: z.object({ choices: z.array(chatChoice).max(LIMITS.maxChoices) }),
  completion: z.object({ choices: z.array(completionChoice).max(LIMITS.maxChoices) }),
  embedding: z.object({
    object: z.literal('embedding').default('embedding'),
    index: z
      .int()
      .min(0)
      .max(LIMITS.maxEmbeddingInputs - 1),
    embedding: z.custom<number[]>(
      (value) =>
        Array.isArray(value) &&
        value.length > 0 &&
        value.length <= MAX_DIMENSIONS &&
        value.every(isNumber),
    ),
  }),
  score: z.object({
    object: z.literal('score'),
    scores: listOf(
      z.object({
        position: z.int().min(0),
        id: z.int().min(0),
        logprob: logprob.nullable(),
        top: scoredTokens,
      }),
      { max: LIMITS.maxScoredTokens },
    ),
    text: z.string().max(LIMITS.maxScoredText).optional(),
    end: z.object({ logprob: logprob.nullable(), top: scoredTokens }).optional(),
  }),
}

/**
 * Parses the JSON of one chunk. The frame bounds its size.
 *
 * @throws InferenceError `malformed`
 */
export function parseChunk(kind: InferenceRequest['kind'], json: Uint8Array): AnswerChunk {
  return readChunk(kind, parseJson(json))
}

/** @throws InferenceError `malformed` */
export function readChunk(kind: InferenceRequest['kind'], json: unknown): AnswerChunk {
  const parsed = schemas[kind].safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const where = issue?.path.map(String).join('.') ?? ''
    // Both may contain text from the peer.
    const what = plainLine(`${where}: ${issue?.message ?? 'invalid'}`)
    throw new InferenceError('malformed', `bad chunk: ${what.slice(0, LIMITS.maxMessageLength)}`)
  }
  return (
    kind === 'embedding' ? { kind, item: parsed.data } : { kind, ...parsed.data }
  ) as AnswerChunk
}

function parseJson(json: Uint8Array): unknown {
  try {
    return JSON.parse(UTF8.decode(json))
  } catch (cause) {
    throw new InferenceError('malformed', 'bad chunk: not JSON', { cause })
  }
}
