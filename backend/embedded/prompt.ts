import { randomUUID } from 'node:crypto'
import { Template } from '@huggingface/jinja'
import type { Token } from 'node-llama-cpp'
import {
  type ChatMessage,
  type ChatRequest,
  type CompletionRequest,
  InferenceError,
  type Resume,
} from '../../protocol/index.ts'
import { closing, type ThoughtPlace } from '../marked-text/index.ts'
import { splitPrefix } from '../messages.ts'
import type { LoadedEngine } from './load-engine.ts'
import { type PromptSegment, SpecialTextGuard } from './special-text.ts'
import { guarded, offeredTools, templateCall } from './template-tools.ts'
import { type TemplateTraits, traitsOf } from './template-traits.ts'

/** Characters per token, at most, on average over any realistic text. */
const MAX_CHARACTERS_PER_TOKEN = 16

/** A rendered conversation, and where the answer begins. */
export interface ChatPrompt {
  readonly tokens: Token[]
  readonly place: ThoughtPlace
}

type Vocabulary = Pick<LoadedEngine, 'model' | 'specialTexts' | 'contextLength' | 'vocabularySize'>

/** Renders and tokenizes a model's prompts. */
export class PromptBuilder {
  readonly #engine: Vocabulary
  readonly #template: Template | undefined
  readonly traits: TemplateTraits

  constructor(engine: Vocabulary, chatTemplate: string | undefined) {
    this.#engine = engine
    this.#template = chatTemplate === undefined ? undefined : new Template(chatTemplate)
    this.traits = traitsOf(chatTemplate)
  }

  get hasTemplate(): boolean {
    return this.#template !== undefined
  }

  /**
   * Renders a chat with the model's own template, nothing added.
   *
   * @throws InferenceError `invalid_request` if the template rejects the messages, `context_too_long`.
   */
  chat(request: ChatRequest): ChatPrompt {
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
          ...this.#thinking(request),
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
    const isForced = offered?.isForced === true
    const isWritten = prefix !== '' || isForced
    const isStructured = (request.response_format?.type ?? 'text') !== 'text'
    const place = this.#placeAfter(rendered, isWritten || isStructured)
    const { thoughts, toolFormat } = this.traits
    const segments = [
      ...guard.split(rendered),
      // What is written already, and a call that has to be made, follow the thoughts.
      ...(place === 'opened' && isWritten && thoughts ? [marked(closing(thoughts))] : []),
      ...(isForced ? [marked(toolFormat?.forced ?? '')] : []),
      ...(prefix === '' ? [] : [{ text: prefix, plain: true }]),
    ]
    return { tokens: this.#tokenize(segments), place: isWritten ? 'text' : place }
  }

  /** @param isStructured the answer has no room for thoughts that the prompt has not opened */
  #placeAfter(rendered: string, isStructured: boolean): ThoughtPlace {
    const { thoughts } = this.traits
    if (thoughts === undefined) return 'text'
    if (rendered.trimEnd().endsWith(thoughts.open)) return 'opened'
    return isStructured ? 'text' : 'start'
  }

  /** By the name that templates give it. An effort switches thinking on, as nothing else says how much. */
  #thinking({ reasoning_effort: effort }: ChatRequest): { readonly enable_thinking?: boolean } {
    return typeof effort === 'string' ? { enable_thinking: effort !== 'none' } : {}
  }

  /** @throws InferenceError `invalid_request` for ids that the vocabulary does not have, `context_too_long`. */
  completion({ prompt }: CompletionRequest): Token[] {
    if (typeof prompt === 'string') return this.#tokenize([{ text: prompt, plain: true }])
    return this.checkIds(prompt, 'prompt')
  }

  /**
   * Tokens of what an earlier engine wrote, where only its text is known.
   *
   * @param place where its answer began
   * @throws InferenceError `context_too_long`
   */
  continuation({ text, reasoning = '' }: Resume, place: ThoughtPlace): Token[] {
    const { thoughts } = this.traits
    const thought = { text: reasoning, plain: true }
    const isOpen = place === 'opened' || reasoning !== ''
    const segments = [
      ...(thoughts && place === 'start' && isOpen ? [marked(`${thoughts.open}\n`)] : []),
      ...(reasoning === '' ? [] : [thought]),
      ...(thoughts && isOpen && text !== '' ? [marked(closing(thoughts))] : []),
      ...(text === '' ? [] : [{ text, plain: true }]),
    ]
    this.#refuseHopeless(segments)
    return segments.flatMap((segment) =>
      this.#engine.model.tokenize(segment.text, !segment.plain, 'trimLeadingSpace'),
    )
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
    const { reasoning_content: thought } = message
    const hasTools = role === 'tool' || callId !== undefined || calls.length > 0
    if (hasTools && this.traits.toolFormat === undefined) {
      throw new InferenceError(
        'capability_unavailable',
        "this model's chat template takes no tools",
        { details: { param: 'tools' } },
      )
    }
    return {
      role: role === 'developer' ? 'system' : role,
      content: guard.guard(textOf(content)),
      ...(thought !== undefined && { reasoning_content: guard.guard(thought) }),
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

/** Text whose marks become control tokens. */
function marked(text: string): PromptSegment {
  return { text, plain: false }
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
