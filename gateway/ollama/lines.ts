import type { FinishReason, OpenAiUsage, TokenLogprob } from '../../protocol/index.ts'
import { type ContentPiece, isToolInput, toolInput } from '../answering/index.ts'
import { skeinField, type VerificationSummary } from '../http/index.ts'

/** The endpoint: each names the text differently. */
export type LineForm = 'chat' | 'generate'

/** What one line adds to an answer. */
export interface LineContent {
  readonly text?: string
  readonly thinking?: string
  readonly toolCalls?: readonly OllamaToolCall[]
  readonly logprobs?: readonly TokenLogprob[]
}

export interface OllamaToolCall {
  readonly id: string
  readonly function: {
    readonly index: number
    readonly name: string
    readonly arguments: Readonly<Record<string, unknown>>
  }
}

/** Converts pieces to lines; a tool call is sent once it is complete. */
export class LineContents {
  #call: { readonly id: string; readonly name: string; text: string } | undefined
  #calls = 0
  /** The answer was truncated: a call with incomplete arguments is left out. */
  isCut: boolean = false

  /** @throws InferenceError `malformed` for a complete tool call whose arguments are not an object */
  take(piece: ContentPiece): LineContent[] {
    switch (piece.type) {
      case 'reasoning':
        return [...this.end(), { thinking: piece.text }]
      case 'text':
        return [
          ...this.end(),
          { text: piece.text, ...(piece.logprobs.length > 0 && { logprobs: piece.logprobs }) },
        ]
      case 'refusal':
        return [...this.end(), { text: piece.text }]
      case 'call': {
        const ended = this.end()
        this.#call = { id: piece.id, name: piece.name, text: '' }
        return ended
      }
      case 'arguments':
        if (this.#call !== undefined) this.#call.text += piece.text
        return []
      default:
        return piece satisfies never
    }
  }

  /** @throws InferenceError as `take` */
  end(): LineContent[] {
    const call = this.#call
    if (call === undefined) return []
    this.#call = undefined
    const { id, name, text } = call
    if (this.isCut && !isToolInput(text)) return []
    const index = this.#calls
    this.#calls += 1
    return [{ toolCalls: [{ id, function: { index, name, arguments: toolInput(name, text) } }] }]
  }
}

/** A whole answer as one line. */
export function joined(contents: readonly LineContent[]): LineContent {
  const thinking = contents.map((content) => content.thinking ?? '').join('')
  const toolCalls = contents.flatMap((content) => content.toolCalls ?? [])
  const logprobs = contents.flatMap((content) => content.logprobs ?? [])
  return {
    text: contents.map(({ text }) => text ?? '').join(''),
    ...(thinking !== '' && { thinking }),
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(logprobs.length > 0 && { logprobs }),
  }
}

/** Fields of every line. */
export interface LineHead {
  readonly form: LineForm
  readonly model: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Finish reason, usage and timings of an answer. */
export interface LineEnd {
  readonly reason: FinishReason
  readonly usage: OpenAiUsage
  readonly totalMs: number
  /** Time to the first chunk. */
  readonly promptMs: number
  /** How the answer was checked, if the caller waited for that. */
  readonly verification: VerificationSummary | undefined
}

/** One line of an answer: a part of it, or, with an end, the last or only one. */
export function lineOf(
  { form, model, now }: LineHead,
  content: LineContent,
  end?: LineEnd,
): object {
  const { text = '', thinking, toolCalls, logprobs } = content
  const thought = thinking === undefined ? {} : { thinking }
  const answer =
    form === 'generate'
      ? { response: text, ...thought }
      : {
          message: {
            role: 'assistant',
            content: text,
            ...thought,
            ...(toolCalls !== undefined && { tool_calls: toolCalls }),
          },
        }
  return {
    model,
    created_at: new Date(now).toISOString(),
    ...answer,
    ...(logprobs !== undefined && { logprobs }),
    done: end !== undefined,
    ...(end !== undefined && endFields(end)),
  }
}

function endFields({ reason, usage, totalMs, promptMs, verification }: LineEnd): object {
  return {
    done_reason: reason === 'length' ? 'length' : 'stop',
    total_duration: nanoseconds(totalMs),
    // Peers keep their models loaded.
    load_duration: 0,
    prompt_eval_count: usage.prompt_tokens,
    prompt_eval_duration: nanoseconds(promptMs),
    eval_count: usage.completion_tokens,
    eval_duration: nanoseconds(Math.max(0, totalMs - promptMs)),
    ...skeinField(verification),
  }
}

export function nanoseconds(ms: number): number {
  return Math.round(ms * 1e6)
}
