import type { ChatCompletion } from '../../client/index.ts'
import type {
  ChatChunk,
  CompletionChunk,
  FinishReason,
  TokenLogprob,
  ToolCallDelta,
} from '../../protocol/index.ts'

/** Parts of an answer, in order. `arguments` belong to the preceding `call`. */
export type ContentPiece =
  | { readonly type: 'reasoning'; readonly text: string }
  | {
      readonly type: 'text'
      readonly text: string
      readonly logprobs: readonly TokenLogprob[]
    }
  | { readonly type: 'refusal'; readonly text: string }
  | { readonly type: 'call'; readonly id: string; readonly name: string }
  | { readonly type: 'arguments'; readonly text: string }

interface HeldCall {
  readonly index: number
  readonly arguments: string[]
  id: string
  name: string
}

/**
 * Reads the one choice of a streamed chat. The first tool call is streamed; anything concurrent with it (further
 * calls, whose parts may interleave, and text) is held until the end, because no dialect allows two at a time.
 */
export class PieceReader {
  finishReason: FinishReason = 'stop'
  /** The stop string that ended the answer, if the engine reports it. */
  stopReason: string | undefined
  #current: HeldCall | undefined
  #isTelling = false
  readonly #calls = new Map<number, HeldCall>()
  readonly #held: ContentPiece[] = []

  take({ choices }: ChatChunk): ContentPiece[] {
    return choices.flatMap(({ delta, finish_reason, stop_reason, logprobs }) => {
      if (finish_reason !== null) this.finishReason = finish_reason
      if (stop_reason) this.stopReason = stop_reason
      const isCalling = this.#current !== undefined
      const spoken = spokenPieces(delta, logprobs?.content ?? [])
      const called = (delta.tool_calls ?? []).flatMap((call) => this.#takeCall(call))
      if (!isCalling) return [...spoken, ...called]
      this.#held.push(...spoken)
      return called
    })
  }

  /** Parts held until the end. */
  end(): ContentPiece[] {
    const begun = this.#current
    const unnamed = begun !== undefined && !this.#isTelling ? wholeCall(begun) : []
    const others = [...this.#calls.values()]
      .filter((call) => call !== begun)
      .sort((a, b) => a.index - b.index)
    return [...unnamed, ...others.flatMap(wholeCall), ...this.#held]
  }

  #takeCall(delta: ToolCallDelta): ContentPiece[] {
    const call = this.#calls.get(delta.index) ?? {
      index: delta.index,
      arguments: [],
      id: '',
      name: '',
    }
    this.#calls.set(delta.index, call)
    this.#current ??= call
    // Id and name arrive complete; some engines repeat them.
    if (call.id === '') call.id = delta.id ?? ''
    if (call.name === '') call.name = delta.function?.name ?? ''
    const text = delta.function?.arguments ?? ''
    if (call === this.#current && this.#isTelling) {
      return text === '' ? [] : [{ type: 'arguments', text }]
    }
    call.arguments.push(text)
    if (call !== this.#current || call.name.length === 0) return []
    this.#isTelling = true
    return wholeCall(call)
  }
}

/** The one answer of a buffered chat, in pieces. */
export function piecesOf({ choices }: Pick<ChatCompletion, 'choices'>): ContentPiece[] {
  const [choice] = choices
  if (choice === undefined) return []
  const { message, logprobs } = choice
  const calls = (message.tool_calls ?? []).map(({ id, function: called }, index) => ({
    index,
    id,
    name: called.name,
    arguments: [called.arguments],
  }))
  return [...spokenPieces(message, logprobs?.content ?? []), ...calls.flatMap(wholeCall)]
}

/** A chunk of a text completion, which has text only. */
export function completionPieces({ choices }: Pick<CompletionChunk, 'choices'>): ContentPiece[] {
  return choices.flatMap(({ text }) => (text === '' ? [] : [{ type: 'text', text, logprobs: [] }]))
}

interface Spoken {
  readonly content?: string | null
  readonly reasoning_content?: string | null
  readonly refusal?: string | null
}

function spokenPieces(
  { content, reasoning_content: reasoning, refusal }: Spoken,
  logprobs: readonly TokenLogprob[],
): ContentPiece[] {
  const hasText = Boolean(content) || logprobs.length > 0
  return [
    ...(reasoning ? [{ type: 'reasoning', text: reasoning } as const] : []),
    ...(hasText ? [{ type: 'text', text: content ?? '', logprobs } as const] : []),
    ...(refusal ? [{ type: 'refusal', text: refusal } as const] : []),
  ]
}

function wholeCall({ index, id, name, arguments: parts }: HeldCall): ContentPiece[] {
  const text = parts.join('')
  return [
    { type: 'call', id: id === '' ? `call_${index}` : id, name },
    ...(text === '' ? [] : [{ type: 'arguments', text } as const]),
  ]
}
