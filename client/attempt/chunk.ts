import * as z from 'zod'
import { InferenceError, type InferenceRequest, LIMITS, plainLine } from '../../protocol/index.ts'
import type { AnswerChunk } from '../request/index.ts'

const index = z
  .int()
  .min(0)
  .max(LIMITS.maxChoices - 1)
const finishReason = z
  .enum(['stop', 'length', 'tool_calls', 'content_filter'])
  .nullish()
  .transform((reason) => reason ?? null)
const name = z.string().max(LIMITS.maxNameLength)

const topLogprob = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: z
    .array(z.int().min(0).max(255))
    .nullish()
    .transform((bytes) => bytes ?? null),
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
  logprobs: z.object({ content: z.array(tokenLogprob).nullable() }).nullish(),
})

const completionChoice = z.object({
  index,
  text: z.string(),
  finish_reason: finishReason,
  stop_reason: stopReason,
  logprobs: z
    .object({
      tokens: z.array(z.string()),
      token_logprobs: z.array(z.number()),
      top_logprobs: z.array(z.record(z.string(), z.number())).nullable(),
      text_offset: z.array(z.int().min(0)),
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
    embedding: z.array(z.number()).min(1).max(65_536),
  }),
  score: z.object({
    object: z.literal('score'),
    scores: z
      .array(
        z.object({
          position: z.int().min(0),
          id: z.int().min(0),
          logprob: logprob.nullable(),
          top: scoredTokens,
        }),
      )
      .max(LIMITS.maxScoredTokens),
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
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
  } catch (cause) {
    throw new InferenceError('malformed', 'bad chunk: not JSON', { cause })
  }
}
