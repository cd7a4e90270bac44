import { type EmbeddingItem, InferenceError, type Prompt } from '../../protocol/index.ts'
import type { EmbeddingResponse } from '../answer/index.ts'
import { fieldOf, type PlacedOptions } from '../request/index.ts'
import { SPLIT_LIMITS } from './limits.ts'
import { failureOf, servedOf } from './outcome.ts'
import { PartialFailure } from './partial-failure.ts'
import { SameWeights } from './same-weights.ts'
import { shardSize } from './shard-size.ts'
import { SplitCall, type SplitContext } from './split-call.ts'

/** A call for many embeddings. */
export interface EmbeddingCall {
  readonly inputs: readonly Prompt[]
  readonly body: object
  readonly options: PlacedOptions
}

/**
 * @returns the inputs if there are enough to spread over several peers
 * @throws InferenceError `invalid_request` for too many inputs
 */
export function manyInputs(body: object): readonly Prompt[] | undefined {
  const input = fieldOf(body, 'input')
  const { maxInputs, wholeInputs } = SPLIT_LIMITS
  if (!Array.isArray(input) || input.length <= wholeInputs) return undefined
  // Neither texts nor lists of token ids: validation of the request rejects it. A single list of ids is one input.
  const areTexts = input.every((one) => typeof one === 'string')
  if (!areTexts && !input.every((one) => Array.isArray(one))) return undefined
  if (input.length <= maxInputs) return input
  throw new InferenceError(
    'invalid_request',
    `input: at most ${maxInputs} per call; use a batch for more`,
    { details: { param: 'input' } },
  )
}

/**
 * Embeds many inputs in shards spread over peers with the same weights; results keep the order of the inputs. If these
 * peers cannot answer everything, all inputs are sent again to peers with other weights: vectors are never mixed.
 *
 * @throws PartialFailure with the embeddings that arrived, if some did; else the first error
 */
export async function shardedEmbeddings(
  context: SplitContext,
  { inputs, body, options }: EmbeddingCall,
): Promise<EmbeddingResponse> {
  const { clock } = context
  const deadline = clock.now() + (options.timeoutMs ?? context.timeoutMs)
  const tried = new Set<string>()
  let best: unknown
  for (;;) {
    const timeoutMs = Math.max(1, deadline - clock.now())
    const weights = new SameWeights(tried)
    try {
      return await attempt(context, { inputs, body, options: { ...options, timeoutMs } }, weights)
    } catch (error) {
      best = moreComplete(best, error)
      const { chosen, hasOthers } = weights
      const isOver = options.signal?.aborted === true || clock.now() >= deadline
      const retriable = InferenceError.is(error) && error.traits.retryElsewhere
      if (isOver || !retriable || !hasOthers || chosen === undefined) throw best
      tried.add(chosen)
    }
  }
}

async function attempt(
  context: SplitContext,
  { inputs, body, options }: EmbeddingCall,
  weights: SameWeights,
): Promise<EmbeddingResponse> {
  const { requester } = context
  const count = inputs.length
  const call = new SplitCall(context, {
    body,
    options,
    count,
    decided: 'ended',
    copies: true,
    first: SPLIT_LIMITS.firstShardInputs,
    narrow: (candidates) => weights.narrow(candidates),
    take: (next, concurrency, itemMs) =>
      withinChars(
        next.slice(0, shardSize(next.length, concurrency, itemMs)),
        (item) => inputs[item]?.length ?? 0,
      ),
  })
  using _ = call.scope
  const found = new Map<number, EmbeddingItem>()
  let last: EmbeddingResponse | undefined
  let promptTokens = 0
  const run = call.run<never, { readonly answer: EmbeddingResponse } & PartAttempts>(
    async ({ part, options: own, body: named }) => {
      const input = part.items.map((item) => inputs[item])
      const answer = await requester.embed({ ...named, input }, own)
      return { answer, attempts: answer.skein.attempts }
    },
  )
  try {
    for await (const event of run) {
      if (event.type !== 'answered' || event.items.length === 0) continue
      const { answer } = event.answer
      last = answer
      promptTokens += answer.usage.prompt_tokens
      for (const embedding of answer.data) {
        const index = event.items[embedding.index]
        if (index !== undefined) found.set(index, { ...embedding, index })
      }
    }
  } catch (error) {
    call.expired(error, new Set(found.keys()))
  }
  const event = call.event()
  const answer: EmbeddingResponse | undefined = last && {
    object: 'list',
    data: [...found.values()].sort((a, b) => a.index - b.index),
    model: last.model,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
    ...servedOf(event, last.skein.peerId),
  }
  if (call.failed.length > 0 || answer === undefined) {
    throw failureOf(count, call.failed, event, answer)
  }
  return answer
}

type PartAttempts = Pick<EmbeddingResponse['skein'], 'attempts'>

/** Number of leading items that fit into one request; at least one. */
function withinChars(items: readonly number[], charsOf: (item: number) => number): number {
  let chars = 0
  const end = items.findIndex((item) => {
    chars += charsOf(item)
    return chars > SPLIT_LIMITS.maxShardChars
  })
  return end === -1 ? items.length : Math.max(1, end)
}

/** The error with more embeddings; the first one if both have none. */
function moreComplete(one: unknown, other: unknown): unknown {
  return one === undefined || arrived(other) > arrived(one) ? other : one
}

function arrived(error: unknown): number {
  if (!(error instanceof PartialFailure)) return 0
  const { answer } = error as PartialFailure<EmbeddingResponse>
  return answer?.data.length ?? 0
}
