import { type ContentPiece, cutToolInput, toolInput } from '../answering/index.ts'

/** One block of an answer. */
export type ContentBlock =
  | { readonly type: 'text'; readonly text: string; readonly citations: null }
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | {
      readonly type: 'tool_use'
      readonly id: string
      readonly name: string
      readonly input: Readonly<Record<string, unknown>>
      /** Called by the model, not by a server tool. */
      readonly caller: { readonly type: 'direct' }
    }

/** One event of a streamed message. */
export interface BlockEvent {
  readonly type: 'content_block_start' | 'content_block_delta' | 'content_block_stop'
  readonly index: number
  readonly [field: string]: unknown
}

/** A block in progress. */
type Open =
  | { readonly type: 'text' | 'thinking'; text: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; text: string }

/** Builds the blocks of an answer from its pieces, emitting an event per step. */
export class Blocks {
  readonly content: ContentBlock[] = []
  /** The answer was truncated: incomplete arguments of its last tool call become an empty object. */
  isCut: boolean = false
  #open: Open | undefined

  /** @throws InferenceError `malformed` for a complete tool call whose arguments are not an object */
  take(piece: ContentPiece): BlockEvent[] {
    switch (piece.type) {
      case 'call':
        return this.#begin({ type: 'tool_use', id: piece.id, name: piece.name, text: '' })
      case 'arguments':
        return this.#grow(piece.text)
      case 'reasoning':
        return this.#speak('thinking', piece.text)
      // A model's refusal is text; only a content filter's sets the stop reason.
      case 'refusal':
      case 'text':
        return this.#speak('text', piece.text)
      default:
        return piece satisfies never
    }
  }

  /** @throws InferenceError as `take` */
  end(): BlockEvent[] {
    const open = this.#open
    if (open === undefined) return []
    const index = this.content.length
    const block = closed(open, this.isCut)
    this.#open = undefined
    this.content.push(block)
    return [{ type: 'content_block_stop', index }]
  }

  #speak(type: 'text' | 'thinking', text: string): BlockEvent[] {
    const begun = this.#open?.type === type ? [] : this.#begin({ type, text: '' })
    return [...begun, ...this.#grow(text)]
  }

  #begin(next: Open): BlockEvent[] {
    const ended = this.end()
    this.#open = next
    const index = this.content.length
    return [
      ...ended,
      { type: 'content_block_start', index, content_block: closed({ ...next, text: '' }, false) },
    ]
  }

  #grow(text: string): BlockEvent[] {
    const open = this.#open
    if (open === undefined || text === '') return []
    open.text += text
    const delta = deltaOf(open.type, text)
    return [{ type: 'content_block_delta', index: this.content.length, delta }]
  }
}

function closed(open: Open, isCut: boolean): ContentBlock {
  const { text } = open
  switch (open.type) {
    case 'text':
      return { type: 'text', text, citations: null }
    case 'thinking':
      // Signatures let Anthropic verify its own thinking blocks. Skein has no signature, and does not read returned thinking.
      return { type: 'thinking', thinking: text, signature: '' }
    case 'tool_use': {
      const { id, name } = open
      return {
        type: 'tool_use',
        id,
        name,
        input: isCut ? cutToolInput(text) : toolInput(name, text),
        caller: { type: 'direct' },
      }
    }
    default:
      return open satisfies never
  }
}

function deltaOf(type: Open['type'], text: string): object {
  switch (type) {
    case 'text':
      return { type: 'text_delta', text }
    case 'thinking':
      return { type: 'thinking_delta', thinking: text }
    case 'tool_use':
      return { type: 'input_json_delta', partial_json: text }
    default:
      return type satisfies never
  }
}
