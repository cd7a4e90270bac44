import {
  type AttemptRecord,
  InferenceError,
  type OpenAiUsage,
  type Usage,
} from '../../protocol/index.ts'
import { type Answer, createAnswer, type ServedChunk } from '../answer/index.ts'
import { type PlacedOptions, type RequestEvent, wantsUsage } from '../request/index.ts'
import type { Choices } from './choices.ts'
import { failureOf } from './outcome.ts'
import { SplitCall, type SplitContext } from './split-call.ts'
import { UsageSum } from './usage-sum.ts'

/** The common part of chat and completion chunks. */
interface Chunk {
  readonly id: string
  readonly created: number
  readonly model: string
  readonly choices: readonly { readonly index: number }[]
  readonly usage?: OpenAiUsage | null
}

type Served<T> = T & ServedChunk

/**
 * Merges the choices of a call into one stream, with one request for each choice. A failed choice does not end the others;
 * the stream throws after they have ended.
 *
 * @param ask requests one choice
 */
export function streamedChoices<T extends Chunk>(
  context: SplitContext,
  choices: Choices,
  ask: (body: object, options: PlacedOptions) => Answer<T>,
  { body, options }: { readonly body: object; readonly options: PlacedOptions },
): Answer<T> {
  const attempts: AttemptRecord[] = []
  let ended: RequestEvent | undefined
  return createAnswer<T>({
    attempts,
    event: () => ended,
    begin: (onUsage) => {
      const { count } = choices
      const init = { body, options, count, first: 1, decided: 'begun', copies: false } as const
      const call = new SplitCall(context, { ...init, attempts })
      const stream = { call, choices, ask, includeUsage: wantsUsage(body), onUsage }
      return {
        chunks: merged(stream, (event) => {
          ended = event
        }),
        cancel: () =>
          call.scope.abort(new InferenceError('cancelled', 'the consumer stopped reading')),
      }
    },
  })
}

interface Stream<T> {
  readonly call: SplitCall
  readonly choices: Choices
  readonly ask: (body: object, options: PlacedOptions) => Answer<T>
  readonly includeUsage: boolean
  readonly onUsage: (usage: OpenAiUsage) => void
}

/** @throws PartialFailure once the other choices have ended; the first error if all failed */
async function* merged<T extends Chunk>(
  { call, choices, ask, includeUsage, onUsage }: Stream<T>,
  onEnd: (event: RequestEvent | undefined) => void,
): AsyncGenerator<Served<T>, void, void> {
  using _ = call.scope
  const usages = new UsageSum(choices.perPrompt)
  let end: Parameters<SplitCall['event']>[0] = { outcome: 'cancelled' }
  let latest: Served<T> | undefined
  let common: Pick<Chunk, 'created' | 'id' | 'model'> | undefined
  const run = call.run<Served<T>, Pick<Answer<T>, 'attempts' | 'usage'>>(
    async ({ part, options, body }, emit) => {
      const answer = ask(choices.bodyOf(part.items[0] ?? 0, body), options)
      for await (const chunk of answer) await emit(chunk)
      return answer
    },
  )
  try {
    for await (const event of run) {
      if (event.type === 'chunk') {
        const { id, created, model } = event.chunk
        common ??= { id, created, model }
        const index = event.part.items[0] ?? 0
        const shown = event.chunk.choices.map((choice) => ({ ...choice, index }))
        latest = { ...event.chunk, ...common, choices: shown }
        yield latest
      } else if (event.type === 'answered' && event.answer.usage !== undefined) {
        usages.add(event.part.items[0] ?? 0, event.answer.usage)
      }
    }
    if (call.failed.length > 0) throw failureOf(choices.count, call.failed, call.event())
    const usage = usages.total()
    onUsage(usage)
    end = { outcome: 'answered', usage: wireUsage(usage) }
    if (includeUsage && latest !== undefined) {
      const { peerId } = latest.skein
      const verification = call.event(end)?.verification
      const skein = { peerId, ...(verification !== undefined && { verification }) }
      yield { ...latest, ...common, choices: [], usage, skein }
    }
  } catch (error) {
    end = { outcome: InferenceError.from(error, 'cancelled').code }
    throw error
  } finally {
    onEnd(call.event(end))
  }
}

function wireUsage({ prompt_tokens, completion_tokens, ...details }: OpenAiUsage): Usage {
  return {
    promptTokens: prompt_tokens,
    completionTokens: completion_tokens,
    cachedPromptTokens: details.prompt_tokens_details?.cached_tokens ?? 0,
    ...(details.completion_tokens_details && {
      reasoningTokens: details.completion_tokens_details.reasoning_tokens,
    }),
  }
}
