import type {
  ChatChunk,
  ChatChunkChoice,
  ChatDelta,
  CompletionChunk,
  OpenAiUsage,
} from '../../protocol/index.ts'
import { flattened } from '../../timing/index.ts'
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
  events: AsyncIterator<AnswerEvent, void, void>,
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
  events: AsyncIterator<AnswerEvent, void, void>,
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

const NOTHING: readonly never[] = []

/** The common part of chat and completion choices. */
interface Choice {
  readonly finish_reason: string | null
}

type Normalized<Common, C> = Common &
  ServedChunk & { readonly choices: readonly C[]; readonly usage?: OpenAiUsage }

function normalized<Common extends Identity, C extends Choice>(
  events: AsyncIterator<AnswerEvent, void, void>,
  identity: Common,
  shown: (chunk: AnswerChunk) => readonly C[],
  options: NormalizeOptions,
): AsyncGenerator<Normalized<Common, C>, void, void> {
  const chunks = new NormalizedChunks(identity, shown, options)
  return flattened({
    source: events,
    parts: (event) => chunks.partsOf(event),
    rest: () => chunks.rest(),
  })
}

/** The chunks that the events of one answer become. */
class NormalizedChunks<Common extends Identity, C extends Choice> {
  readonly #shown: (chunk: AnswerChunk) => readonly C[]
  readonly #options: NormalizeOptions
  #common: Common
  #hasBegun: boolean = false
  #swarm: string | undefined
  #verification: Verification | undefined
  #held: Normalized<Common, C> | undefined

  constructor(
    identity: Common,
    shown: (chunk: AnswerChunk) => readonly C[],
    options: NormalizeOptions,
  ) {
    this.#common = identity
    this.#shown = shown
    this.#options = options
  }

  partsOf(event: AnswerEvent): readonly Normalized<Common, C>[] {
    switch (event.type) {
      case 'model':
        // An answer names one model: once the caller has seen it, it stays.
        if (!this.#hasBegun) this.#common = { ...this.#common, model: event.model }
        this.#swarm = event.swarm
        return NOTHING
      case 'verified':
        this.#verification = event.verification
        return NOTHING
      case 'chunk': {
        this.#hasBegun = true
        const choices = this.#shown(event.chunk)
        if (choices.length === 0) return NOTHING
        const isEnd = choices.some(({ finish_reason }) => finish_reason !== null)
        const skein = this.#servedBy(event.peerId)
        return this.#given({ ...this.#common, choices, skein }, isEnd)
      }
      case 'done': {
        const usage = openAiUsage(event.usage)
        this.#options.onUsage(usage)
        if (!this.#options.includeUsage) return NOTHING
        const skein = this.#servedBy(event.peerId)
        return this.#given({ ...this.#common, choices: [], usage, skein }, true)
      }
      case 'writing':
      case 'restart':
        return NOTHING
      default:
        return event satisfies never
    }
  }

  /** The chunk that was held back, with the verdict. */
  rest(): readonly Normalized<Common, C>[] {
    const held = this.#held
    if (held === undefined) return NOTHING
    const verification = this.#verification
    return [verification === undefined ? held : { ...held, skein: { ...held.skein, verification } }]
  }

  #servedBy(peerId: string): ServedChunk['skein'] {
    return this.#swarm === undefined ? { peerId } : { peerId, swarm: this.#swarm }
  }

  /** What goes to the caller with this chunk: one that was held back has others behind it now. */
  #given(chunk: Normalized<Common, C>, isEnd: boolean): readonly Normalized<Common, C>[] {
    const held = this.#held
    const holds = isEnd && this.#options.holdsEnd
    this.#held = holds ? chunk : undefined
    const now = holds ? NOTHING : [chunk]
    return held === undefined ? now : [held, ...now]
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
