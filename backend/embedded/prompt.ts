import { randomUUID } from 'node:crypto'
import { Template } from '@huggingface/jinja'
import type { Token } from 'node-llama-cpp'
import {
  type ChatMessage,
  type ChatRequest,
  type CompletionRequest,
  InferenceError,
} from '../../protocol/index.ts'
import { splitPrefix } from '../messages.ts'
import type { LoadedEngine } from './load-engine.ts'
import { type PromptSegment, SpecialTextGuard } from './special-text.ts'
import { guarded, offeredTools, templateCall } from './template-tools.ts'
import { type ToolFormat, toolFormatOf } from './tool-format.ts'

/** Characters per token, at most, on average over any realistic text. */
const MAX_CHARACTERS_PER_TOKEN = 16

type Vocabulary = Pick<LoadedEngine, 'model' | 'specialTexts' | 'contextLength' | 'vocabularySize'>

/** Renders and tokenizes a model's prompts. */
export class PromptBuilder {
  readonly #engine: Vocabulary
  readonly #template: Template | undefined
  /** How the model writes tool calls; undefined if its template takes none. */
  readonly toolFormat: ToolFormat | undefined

  constructor(engine: Vocabulary, chatTemplate: string | undefined) {
    this.#engine = engine
    this.#template = chatTemplate === undefined ? undefined : new Template(chatTemplate)
    this.toolFormat = chatTemplate === undefined ? undefined : toolFormatOf(chatTemplate)
  }

  get hasTemplate(): boolean {
    return this.#template !== undefined
  }

  /**
   * Renders a chat with the model's own template, nothing added.
   *
   * @throws InferenceError `invalid_request` if the template rejects the messages, `context_too_long`.
   */
  chat(request: ChatRequest): Token[] {
    const { messages, prefix } = splitPrefix(request.messages)
    const offered = offeredTools(request)
    const { model, specialTexts } = this.#engine
    const guard = new SpecialTextGuard(specialTexts, randomUUID().replaceAll('-', ''))
    const { bosString, eosString } = model.tokens
    let rendered: string
    try {
      rendered =
        this.#template?.render({
          messages: messages.map((message) => this.#message(message, guard)),
          ...(offered !== undefined && { tools: guarded(offered.tools, guard) }),
          add_generation_prompt: true,
          bos_token: bosString ?? '',
          eos_token: eosString ?? '',
        }) ?? ''
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new InferenceError(
        'invalid_request',
        `the model's chat template rejected the messages: ${why}`,
        {
          cause,
          details: { param: 'messages' },
        },
      )
    }
    const begun = prefix === '' ? [] : [{ text: prefix, plain: true }]
    const forced =
      offered?.isForced === true ? [{ text: this.toolFormat?.forced ?? '', plain: false }] : []
    return this.#tokenize([...guard.split(rendered), ...forced, ...begun])
  }

  /** @throws InferenceError `invalid_request` for ids that the vocabulary does not have, `context_too_long`. */
  completion({ prompt }: CompletionRequest): Token[] {
    if (typeof prompt === 'string') return this.#tokenize([{ text: prompt, plain: true }])
    return this.checkIds(prompt, 'prompt')
  }

  /** Tokens of what an earlier engine wrote, where only its text is known. @throws InferenceError `context_too_long` */
  continuation(text: string): Token[] {
    this.#refuseHopeless([{ text, plain: true }])
    return this.#engine.model.tokenize(text, false, 'trimLeadingSpace')
  }

  /** @throws InferenceError `invalid_request` for an id that the vocabulary does not have. */
  checkIds(ids: readonly number[], param: string): Token[] {
    const wrong = ids.find(
      (id) => !Number.isInteger(id) || id < 0 || id >= this.#engine.vocabularySize,
    )
    if (wrong === undefined) return [...ids] as Token[]
    throw new InferenceError('invalid_request', `token id ${wrong} is not in the vocabulary`, {
      details: { param },
    })
  }

  #message(message: ChatMessage, guard: SpecialTextGuard): Record<string, unknown> {
    const { role, content, name, tool_calls: calls = [], tool_call_id: callId } = message
    const hasTools = role === 'tool' || callId !== undefined || calls.length > 0
    if (hasTools && this.toolFormat === undefined) {
      throw new InferenceError(
        'capability_unavailable',
        "this model's chat template takes no tools",
        { details: { param: 'tools' } },
      )
    }
    return {
      role: role === 'developer' ? 'system' : role,
      content: guard.guard(textOf(content)),
      ...(name !== undefined && { name: guard.guard(name) }),
      ...(callId !== undefined && { tool_call_id: guard.guard(callId) }),
      ...(calls.length > 0 && { tool_calls: calls.map((call) => templateCall(call, guard)) }),
    }
  }

  #tokenize(segments: readonly PromptSegment[]): Token[] {
    this.#refuseHopeless(segments)
    const { model } = this.#engine
    const tokens = segments.flatMap(({ text, plain }, index) =>
      index === 0 ? model.tokenize(text, !plain) : model.tokenize(text, !plain, 'trimLeadingSpace'),
    )
    const { bos, shouldPrependBosToken } = model.tokens
    // Some templates write the token themselves; a second one confuses the model.
    if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos)
    return tokens
  }

  /** Tokenizing many megabytes would block every other request, so a prefix is measured first. */
  #refuseHopeless(segments: readonly PromptSegment[]): void {
    const { contextLength, model } = this.#engine
    const text = segments.map((segment) => segment.text).join('')
    const sample = contextLength * MAX_CHARACTERS_PER_TOKEN
    if (text.length <= sample) return
    const count = model.tokenize(text.slice(0, sample), false).length
    if (count < contextLength) return
    throw tooLong(Math.round((count / sample) * text.length), contextLength)
  }
}

/** @param promptTokens As counted, or estimated for a text far beyond the context. */
export function tooLong(promptTokens: number, contextLength: number): InferenceError {
  return new InferenceError(
    'context_too_long',
    `the prompt has ${promptTokens} tokens; prompt and answer have to fit a context of ${contextLength}`,
    { details: { promptTokens, contextLength } },
  )
}

function textOf(content: ChatMessage['content']): string {
  if (content === undefined || content === null) return ''
  if (typeof content === 'string') return content
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('\n')
}
