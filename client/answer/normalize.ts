import type {
  ChatChunk,
  ChatChunkChoice,
  ChatDelta,
  CompletionChunk,
  OpenAiUsage,
} from '../../protocol/index.ts'
import type { AnswerChunk, AnswerEvent, Verification } from '../request/index.ts'
import type { Identity } from './identity.ts'
import { openAiUsage } from './openai-usage.ts'
import type { ServedChunk } from './results.ts'
import { placed, type TextOffsets } from './text-offsets.ts'

export interface NormalizeOptions {
  /** Adds a last chunk with the usage and no choice, like OpenAI's `include_usage`. */
  readonly includeUsage: boolean
  /** Holds back the final chunk until the verdict is known; the last chunk carries the verdict. */
  readonly holdsEnd: boolean
  readonly onUsage: (usage: OpenAiUsage) => void
}

/** Chunks as the caller sees them: one id, one model, one role for each choice, no empty chunks. */
export function chatChunks(
  events: AsyncIterable<AnswerEvent>,
  identity: Identity,
  options: NormalizeOptions,
): AsyncGenerator<ChatChunk & ServedChunk, void, void> {
  const begun = new Set<number>()
  const shown = (chunk: AnswerChunk): readonly ChatChunkChoice[] =>
    chunk.kind !== 'chat'
      ? []
      : chunk.choices.flatMap((choice) => {
          const shown = shownChoice(choice, !begun.has(choice.index))
          if (shown !== undefined) begun.add(choice.index)
          return shown ?? []
        })
  return normalized(
    events,
    { ...identity, object: 'chat.completion.chunk' as const },
    shown,
    options,
  )
}

/** {@link chatChunks} for text completions. */
export function completionChunks(
  events: AsyncIterable<AnswerEvent>,
  identity: Identity,
  options: NormalizeOptions,
): AsyncGenerator<CompletionChunk & ServedChunk, void, void> {
  const offsets = new Map<number, TextOffsets>()
  const shown = (chunk: AnswerChunk): CompletionChunk['choices'] =>
    chunk.kind !== 'completion'
      ? []
      : chunk.choices
          .filter(
            ({ text, finish_reason, logprobs }) =>
              text !== '' || finish_reason !== null || (logprobs?.tokens.length ?? 0) > 0,
          )
          .map((choice) => placed(choice, offsets))
  return normalized(events, { ...identity, object: 'text_completion' as const }, shown, options)
}

/** The common part of chat and completion choices. */
interface Choice {
  readonly finish_reason: string | null
}

type Normalized<Common, C> = Common &
  ServedChunk & { readonly choices: readonly C[]; readonly usage?: OpenAiUsage }

async function* normalized<Common extends Identity, C extends Choice>(
  events: AsyncIterable<AnswerEvent>,
  asked: Common,
  shown: (chunk: AnswerChunk) => readonly C[],
  { includeUsage, holdsEnd, onUsage }: NormalizeOptions,
): AsyncGenerator<Normalized<Common, C>, void, void> {
  let common = asked
  let hasBegun = false
  let swarm: string | undefined
  const servedBy = (peerId: string): ServedChunk['skein'] =>
    swarm === undefined ? { peerId } : { peerId, swarm }
  let verification: Verification | undefined
  let held: Normalized<Common, C> | undefined
  for await (const event of events) {
    if (event.type === 'model') {
      // An answer names one model: once the caller has seen it, it stays.
      if (!hasBegun) common = { ...common, model: event.model }
      swarm = event.swarm
    } else if (event.type === 'verified') {
      verification = event.verification
    } else if (event.type === 'chunk') {
      hasBegun = true
      const choices = shown(event.chunk)
      if (choices.length === 0) continue
      if (held !== undefined) yield held
      held = undefined
      const chunk = { ...common, choices, skein: servedBy(event.peerId) }
      if (holdsEnd && choices.some(({ finish_reason }) => finish_reason !== null)) held = chunk
      else yield chunk
    } else if (event.type === 'done') {
      const usage = openAiUsage(event.usage)
      onUsage(usage)
      if (!includeUsage) continue
      if (held !== undefined) yield held
      held = undefined
      const chunk = { ...common, choices: [], usage, skein: servedBy(event.peerId) }
      if (holdsEnd) held = chunk
      else yield chunk
    }
  }
  if (held === undefined) return
  yield verification === undefined ? held : { ...held, skein: { ...held.skein, verification } }
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
