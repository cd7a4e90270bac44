import type {
  ChatChunkChoice,
  CompletionChunk,
  CompletionLogprobs,
  EmbeddingItem,
  FinishReason,
  TokenLogprob,
} from '../../protocol/index.ts'
import { type AnswerChunk, type AnswerEvent, ToolCallAssembly } from '../request/index.ts'
import type { Identity } from './identity.ts'
import { openAiUsage } from './openai-usage.ts'
import type {
  ChatChoice,
  ChatCompletion,
  Completion,
  CompletionChoice,
  EmbeddingResponse,
  ServedBy,
} from './results.ts'
import { placed, type TextOffsets } from './text-offsets.ts'

/** A whole answer before its record is added, with the peer that ended it. */
export type Assembled<T extends ServedBy> = Omit<T, keyof ServedBy> & { readonly peerId: string }

type Done = Extract<AnswerEvent, { type: 'done' }>

/**
 * Reads a whole answer; `take` gets each chunk. Attempts have already checked that the answer is complete.
 *
 * @returns the final event, and the model that answered
 */
async function readWhole(
  events: AsyncIterable<AnswerEvent>,
  restart: () => void,
  take: (chunk: AnswerChunk) => void,
): Promise<Done & { readonly model?: string }> {
  let done: Done | undefined
  let model: string | undefined
  for await (const event of events) {
    if (event.type === 'done') done = event
    else if (event.type === 'restart') restart()
    else if (event.type === 'model') model = event.model
    else if (event.type === 'chunk') take(event.chunk)
  }
  if (done === undefined) throw new Error('unreachable: a dispatch ends with done or throws')
  return model === undefined ? done : { ...done, model }
}

/** @throws what reading the events throws */
export async function assembleChat(
  events: AsyncIterable<AnswerEvent>,
  identity: Identity,
): Promise<Assembled<ChatCompletion>> {
  const choices = new Map<number, ChatAssembly>()
  const {
    usage,
    peerId,
    model = identity.model,
  } = await readWhole(
    events,
    () => choices.clear(),
    (chunk) => {
      if (chunk.kind !== 'chat') return
      for (const choice of chunk.choices) entry(choices, choice.index, ChatAssembly).add(choice)
    },
  )
  return {
    ...identity,
    model,
    peerId,
    object: 'chat.completion',
    choices: inOrder(choices).map(([index, assembly]) => assembly.choice(index)),
    usage: openAiUsage(usage),
  }
}

/** @throws what reading the events throws */
export async function assembleCompletion(
  events: AsyncIterable<AnswerEvent>,
  identity: Identity,
): Promise<Assembled<Completion>> {
  const choices = new Map<number, CompletionAssembly>()
  const offsets = new Map<number, TextOffsets>()
  const {
    usage,
    peerId,
    model = identity.model,
  } = await readWhole(
    events,
    () => {
      choices.clear()
      offsets.clear()
    },
    (chunk) => {
      if (chunk.kind !== 'completion') return
      for (const choice of chunk.choices)
        entry(choices, choice.index, CompletionAssembly).add(placed(choice, offsets))
    },
  )
  return {
    ...identity,
    model,
    peerId,
    object: 'text_completion',
    choices: inOrder(choices).map(([index, assembly]) => assembly.choice(index)),
    usage: openAiUsage(usage),
  }
}

/**
 * @param asked the model as the caller named it
 * @throws what reading the events throws
 */
export async function assembleEmbeddings(
  events: AsyncIterable<AnswerEvent>,
  asked: string,
): Promise<Assembled<EmbeddingResponse>> {
  const items: EmbeddingItem[] = []
  const {
    usage,
    peerId,
    model = asked,
  } = await readWhole(
    events,
    () => items.splice(0),
    (chunk) => {
      if (chunk.kind === 'embedding') items.push(chunk.item)
    },
  )
  return {
    object: 'list',
    data: items.sort((a, b) => a.index - b.index),
    model,
    peerId,
    usage: { prompt_tokens: usage.promptTokens, total_tokens: usage.promptTokens },
  }
}

class ChatAssembly {
  readonly #content: string[] = []
  readonly #reasoning: string[] = []
  readonly #refusal: string[] = []
  readonly #toolCalls = new ToolCallAssembly()
  readonly #logprobs: TokenLogprob[] = []
  #finishReason: FinishReason = 'stop'
  #stopReason: string | undefined

  add({ delta, finish_reason, stop_reason, logprobs }: ChatChunkChoice): void {
    if (stop_reason) this.#stopReason = stop_reason
    if (delta.content) this.#content.push(delta.content)
    if (delta.reasoning_content) this.#reasoning.push(delta.reasoning_content)
    if (delta.refusal) this.#refusal.push(delta.refusal)
    this.#toolCalls.add(delta.tool_calls ?? [])
    for (const token of logprobs?.content ?? []) this.#logprobs.push(token)
    if (finish_reason !== null) this.#finishReason = finish_reason
  }

  choice(index: number): ChatChoice {
    const calls = this.#toolCalls.calls()
    const content = this.#content.join('')
    const reasoning = this.#reasoning.join('')
    return {
      index,
      message: {
        role: 'assistant',
        content: content === '' && (calls.length > 0 || this.#refusal.length > 0) ? null : content,
        refusal: this.#refusal.length > 0 ? this.#refusal.join('') : null,
        ...(reasoning !== '' && { reasoning_content: reasoning }),
        ...(calls.length > 0 && { tool_calls: calls }),
      },
      finish_reason: this.#finishReason,
      ...(this.#stopReason !== undefined && { stop_reason: this.#stopReason }),
      logprobs: this.#logprobs.length > 0 ? { content: this.#logprobs } : null,
    }
  }
}

class CompletionAssembly {
  readonly #text: string[] = []
  readonly #logprobs: CompletionLogprobs[] = []
  #finishReason: FinishReason = 'stop'

  add({ text, finish_reason, logprobs }: CompletionChunk['choices'][number]): void {
    this.#text.push(text)
    if (logprobs) this.#logprobs.push(logprobs)
    if (finish_reason !== null) this.#finishReason = finish_reason
  }

  choice(index: number): CompletionChoice {
    const all = this.#logprobs
    const tops = all.flatMap(({ top_logprobs }) => top_logprobs ?? [])
    return {
      index,
      text: this.#text.join(''),
      finish_reason: this.#finishReason,
      logprobs:
        all.length === 0
          ? null
          : {
              tokens: all.flatMap(({ tokens }) => tokens),
              token_logprobs: all.flatMap(({ token_logprobs }) => token_logprobs),
              top_logprobs: tops.length > 0 ? tops : null,
              text_offset: all.flatMap(({ text_offset }) => text_offset),
            },
    }
  }
}

function entry<T>(map: Map<number, T>, index: number, Assembly: new () => T): T {
  const assembly = map.get(index) ?? new Assembly()
  map.set(index, assembly)
  return assembly
}

function inOrder<T>(map: ReadonlyMap<number, T>): [number, T][] {
  return [...map].sort(([a], [b]) => a - b)
}
