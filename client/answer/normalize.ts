import type {
  ChatChunk,
  ChatChunkChoice,
  ChatDelta,
  CompletionChunk,
  OpenAiUsage,
  Usage,
} from '../../protocol/index.ts'
import type { DispatchEvent } from '../dispatch/index.ts'
import type { Identity } from './identity.ts'
import type { ServedChunk } from './results.ts'

export interface NormalizeOptions {
  /** Ends with a chunk that carries the usage and no choice, as OpenAI's `include_usage` does. */
  readonly includeUsage: boolean
  readonly onUsage: (usage: OpenAiUsage) => void
}

/** Chunks as the caller sees them: one id, one model, each choice's role once, no empty ones. */
export async function* chatChunks(
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
  const { index, delta, finish_reason, logprobs } = choice
  const shown = shownDelta(delta)
  const hasLogprobs = (logprobs?.content?.length ?? 0) > 0
  if (Object.keys(shown).length === 0 && finish_reason === null && !hasLogprobs) return undefined
  return {
    index,
    delta: first ? { role: 'assistant', content: '', ...shown } : shown,
    finish_reason,
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
  let common: (Identity & { readonly object: 'text_completion' }) | undefined
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
      const choices = event.chunk.choices.filter(
        ({ text, finish_reason, logprobs }) =>
          text !== '' || finish_reason !== null || (logprobs?.tokens.length ?? 0) > 0,
      )
      if (choices.length > 0) yield { ...common, choices, skein }
    }
  }
}

export function openAiUsage(usage: Usage): OpenAiUsage {
  const { promptTokens, completionTokens, cachedPromptTokens } = usage
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedPromptTokens },
  }
}
