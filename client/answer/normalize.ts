import type {
  ChatChunk,
  ChatChunkChoice,
  ChatDelta,
  CompletionChunk,
  OpenAiUsage,
  Usage,
} from '../../protocol/index.ts'
import type { DispatchEvent, Verification } from '../request/index.ts'
import type { Identity } from './identity.ts'
import type { ServedChunk } from './results.ts'
import { TextOffsets } from './text-offsets.ts'
export interface NormalizeOptions {
  /** Ends with a chunk that carries the usage and no choice, as OpenAI's `include_usage` does. */
  readonly includeUsage: boolean
  readonly onUsage: (usage: OpenAiUsage) => void
  /**
   * What checking the answer found, once that is done. Present where the request waits for it: then what says that the
   * answer has ended is held back until the verdict is in, and the last chunk carries it.
   */
  readonly verification?: () => Verification | undefined
}

/** Chunks as the caller sees them: one id, one model, each choice's role once, no empty ones. */
export async function* chatChunks(
  events: AsyncIterable<DispatchEvent>,
  identity: () => Identity,
  options: NormalizeOptions,
): AsyncGenerator<ChatChunk & ServedChunk, void, void> {
  yield* withVerdict(servedChat(events, identity, options), options)
}

async function* servedChat(
  events: AsyncIterable<DispatchEvent>,
  identity: () => Identity,
  options: NormalizeOptions,
): AsyncGenerator<ChatChunk & ServedChunk, void, void> {
  let common: (Identity & { readonly object: 'chat.completion.chunk' }) | undefined
  const begun = new Set<number>()
  for await (const event of events) {
    if (event.type === 'restart') continue
    // Once somebody answers, and then for all of it.
    common ??= { ...identity(), object: 'chat.completion.chunk' }
    const skein = { peerId: event.peerId }
    if (event.type === 'done') {
      const usage = openAiUsage(event.usage)
      options.onUsage(usage)
      if (options.includeUsage) yield { ...common, choices: [], usage, skein }
    } else if (event.chunk.kind === 'chat') {
      const choices = event.chunk.choices.flatMap((choice) => {
        const shown = shownChoice(choice, !begun.has(choice.index))
        if (shown !== undefined) begun.add(choice.index)
        return shown ?? []
      })
      if (choices.length > 0) yield { ...common, choices, skein }
    }
  }
}

function shownChoice(choice: ChatChunkChoice, first: boolean): ChatChunkChoice | undefined {
  const { index, delta, finish_reason, stop_reason, logprobs } = choice
  const shown = shownDelta(delta)
  const hasLogprobs = (logprobs?.content?.length ?? 0) > 0
  if (Object.keys(shown).length === 0 && finish_reason === null && !hasLogprobs) return undefined
  return {
    index,
    delta: first ? { role: 'assistant', content: '', ...shown } : shown,
    finish_reason,
    ...(stop_reason && { stop_reason }),
    ...(hasLogprobs && { logprobs: logprobs ?? null }),
  }
}

function shownDelta(delta: ChatDelta): ChatDelta {
  const { content, reasoning_content, refusal, tool_calls } = delta
  return {
    ...(content !== undefined && content !== null && content !== '' && { content }),
    ...(reasoning_content && { reasoning_content }),
    ...(refusal && { refusal }),
    ...(tool_calls !== undefined && tool_calls.length > 0 && { tool_calls }),
  }
}

/** {@link chatChunks} for text completions. */
export async function* completionChunks(
  events: AsyncIterable<DispatchEvent>,
  identity: () => Identity,
  options: NormalizeOptions,
): AsyncGenerator<CompletionChunk & ServedChunk, void, void> {
  yield* withVerdict(servedCompletion(events, identity, options), options)
}

async function* servedCompletion(
  events: AsyncIterable<DispatchEvent>,
  identity: () => Identity,
  options: NormalizeOptions,
): AsyncGenerator<CompletionChunk & ServedChunk, void, void> {
  let common: (Identity & { readonly object: 'text_completion' }) | undefined
  const offsets = new Map<number, TextOffsets>()
  for await (const event of events) {
    if (event.type === 'restart') continue
    // Once somebody answers, and then for all of it.
    common ??= { ...identity(), object: 'text_completion' }
    const skein = { peerId: event.peerId }
    if (event.type === 'done') {
      const usage = openAiUsage(event.usage)
      options.onUsage(usage)
      if (options.includeUsage) yield { ...common, choices: [], usage, skein }
    } else if (event.chunk.kind === 'completion') {
      const choices = event.chunk.choices
        .filter(
          ({ text, finish_reason, logprobs }) =>
            text !== '' || finish_reason !== null || (logprobs?.tokens.length ?? 0) > 0,
        )
        .map((choice) => placed(choice, offsets))
      if (choices.length > 0) yield { ...common, choices, skein }
    }
  }
}

/** A choice, whose tokens say where they begin in the text that is shown. */
export function placed(
  choice: CompletionChunk['choices'][number],
  offsets: Map<number, TextOffsets>,
): CompletionChunk['choices'][number] {
  const { index, text, logprobs } = choice
  const found = offsets.get(index) ?? new TextOffsets()
  offsets.set(index, found)
  if (logprobs) return { ...choice, logprobs: found.take(text, logprobs) }
  found.skip(text)
  return choice
}

/** A chunk of a stream, whichever kind. */
type EndingChunk = ServedChunk & {
  readonly choices: readonly { readonly finish_reason: string | null }[]
}

/** The same chunks, the last one with the verdict. One that ends a choice waits for what comes after it. */
async function* withVerdict<T extends EndingChunk>(
  chunks: AsyncGenerator<T, void, void>,
  { verification }: NormalizeOptions,
): AsyncGenerator<T, void, void> {
  if (verification === undefined) return yield* chunks
  let held: T | undefined
  for await (const chunk of chunks) {
    if (held !== undefined) yield held
    held = undefined
    const ends =
      chunk.choices.length === 0 ||
      chunk.choices.some(({ finish_reason }) => finish_reason !== null)
    if (ends) held = chunk
    else yield chunk
  }
  if (held === undefined) return
  const found = verification()
  yield found === undefined ? held : { ...held, skein: { ...held.skein, verification: found } }
}

export function openAiUsage(usage: Usage): OpenAiUsage {
  const { promptTokens, completionTokens, cachedPromptTokens, reasoningTokens } = usage
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedPromptTokens },
    ...(reasoningTokens !== undefined && {
      completion_tokens_details: {
        reasoning_tokens: Math.min(reasoningTokens, completionTokens),
      },
    }),
  }
}
