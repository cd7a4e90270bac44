import type { TokenLogprob } from '../../protocol/index.ts'
import { type ContentPiece, customInput } from '../answering/index.ts'
import type { OfferedTool } from './callable-tools.ts'
import type { ItemStatus, OutputItem } from './response-object.ts'

/** One event of a streamed response, before it is numbered. */
export interface OutputEvent {
  readonly type: string
  readonly [field: string]: unknown
}

/** An item in progress. */
type Open =
  | { readonly type: 'text'; readonly id: string; text: string; readonly logprobs: TokenLogprob[] }
  | { readonly type: 'refusal' | 'reasoning'; readonly id: string; text: string }
  | {
      readonly type: 'call'
      readonly id: string
      readonly callId: string
      readonly name: string
      readonly namespace: string | undefined
      text: string
    }
  | {
      readonly type: 'custom'
      readonly id: string
      readonly callId: string
      readonly name: string
      readonly namespace: string | undefined
      /** Raw arguments from the model, which contain the input. */
      text: string
    }

/** Builds the items of an answer from its pieces, emitting events per step. */
export class Output {
  readonly items: OutputItem[] = []
  readonly #suffix: string
  readonly #tools: readonly OfferedTool[]
  #open: Open | undefined

  /**
   * @param suffix of the ids of its items
   * @param tools that the model may have called
   */
  constructor(suffix: string, tools: readonly OfferedTool[]) {
    this.#suffix = suffix
    this.#tools = tools
  }

  take(piece: ContentPiece): OutputEvent[] {
    if (piece.type === 'call') {
      const { id: callId } = piece
      const called = this.#tools.find(({ wireName }) => wireName === piece.name)
      const { tool: { type = 'function', name = piece.name } = {}, namespace } = called ?? {}
      const common = { callId, name, namespace, text: '' }
      return type === 'custom'
        ? this.#begin({ ...common, type, id: this.#id('ctc') })
        : this.#begin({ ...common, type: 'call', id: this.#id('fc') })
    }
    if (piece.type === 'arguments') {
      return this.#grow(this.#open?.type === 'custom' ? 'custom' : 'call', piece.text)
    }
    const begun = this.#open?.type === piece.type ? [] : this.#beginSpoken(piece.type)
    const logprobs = piece.type === 'text' ? piece.logprobs : []
    return [...begun, ...this.#grow(piece.type, piece.text, logprobs)]
  }

  /** @param status of the last item; an empty complete answer becomes an empty message */
  end(status: Exclude<ItemStatus, 'in_progress'>): OutputEvent[] {
    const isEmpty = this.#open === undefined && this.items.length === 0
    if (isEmpty && status === 'completed') {
      return [...this.#beginSpoken('text'), ...this.#close(status)]
    }
    return this.#close(status)
  }

  #close(status: Exclude<ItemStatus, 'in_progress'>): OutputEvent[] {
    const open = this.#open
    if (open === undefined) return []
    this.#open = undefined
    const item = shown(open, status)
    const at = { item_id: open.id, output_index: this.items.length }
    this.items.push(item)
    return [...closing(open, at), { type: 'response.output_item.done', ...place(at), item }]
  }

  #beginSpoken(type: 'text' | 'refusal' | 'reasoning'): OutputEvent[] {
    const id = this.#id(type === 'reasoning' ? 'rs' : 'msg')
    return this.#begin(
      type === 'text' ? { type, id, text: '', logprobs: [] } : { type, id, text: '' },
    )
  }

  #begin(next: Open): OutputEvent[] {
    const ended = this.#close('completed')
    this.#open = next
    const at = { item_id: next.id, output_index: this.items.length }
    const calls = next.type === 'call' || next.type === 'custom'
    const item = { ...shown(next, 'in_progress'), ...(!calls && { content: [] }) }
    const added = { type: 'response.output_item.added', ...place(at), item }
    if (next.type === 'call' || next.type === 'custom') return [...ended, added]
    const part = {
      type: 'response.content_part.added',
      ...at,
      content_index: 0,
      part: partOf(next),
    }
    return [...ended, added, part]
  }

  #grow(type: Open['type'], text: string, logprobs: readonly TokenLogprob[] = []): OutputEvent[] {
    const open = this.#open
    if (open?.type !== type) return []
    open.text += text
    if (open.type === 'text') open.logprobs.push(...logprobs)
    // A custom tool's input is known once its arguments are complete.
    if (type === 'custom') return []
    const at = { item_id: open.id, output_index: this.items.length }
    const delta = { ...at, ...(type !== 'call' && { content_index: 0 }), delta: text }
    return [{ type: `${EVENTS[type]}.delta`, ...delta, ...(type === 'text' && { logprobs }) }]
  }

  #id(kind: string): string {
    return `${kind}_${this.#suffix}${this.items.length + (this.#open === undefined ? 0 : 1)}`
  }
}

const EVENTS: Readonly<Record<Open['type'], string>> = {
  text: 'response.output_text',
  refusal: 'response.refusal',
  reasoning: 'response.reasoning_text',
  call: 'response.function_call_arguments',
  custom: 'response.custom_tool_call_input',
}

interface Place {
  readonly item_id: string
  readonly output_index: number
}

/** Events about a whole item contain it, including its id. */
function place({ output_index }: Place): Pick<Place, 'output_index'> {
  return { output_index }
}

function partOf(open: Exclude<Open, { type: 'call' | 'custom' }>): object {
  switch (open.type) {
    case 'text':
      return textPart(open.text, open.logprobs)
    case 'refusal':
      return { type: 'refusal', refusal: open.text }
    case 'reasoning':
      return { type: 'reasoning_text', text: open.text }
    default:
      return open satisfies never
  }
}

function textPart(text: string, logprobs: readonly TokenLogprob[]) {
  return { type: 'output_text', text, annotations: [], logprobs: [...logprobs] } as const
}

function shown(open: Open, status: ItemStatus): OutputItem {
  const { id, text } = open
  switch (open.type) {
    case 'call': {
      const { callId: call_id, name, namespace } = open
      const from = namespace === undefined ? {} : { namespace }
      return { type: 'function_call', id, status, call_id, name, ...from, arguments: text }
    }
    case 'reasoning':
      return {
        type: 'reasoning',
        id,
        status,
        summary: [],
        content: [{ type: 'reasoning_text', text }],
      }
    case 'custom': {
      const { callId: call_id, name, namespace } = open
      const from = namespace === undefined ? {} : { namespace }
      const input = text === '' ? '' : customInput(text)
      return { type: 'custom_tool_call', id, status, call_id, name, ...from, input }
    }
    case 'refusal':
      return message(id, status, { type: 'refusal', refusal: text })
    case 'text':
      return message(id, status, textPart(text, open.logprobs))
    default:
      return open satisfies never
  }
}

function message(
  id: string,
  status: ItemStatus,
  part: Extract<OutputItem, { type: 'message' }>['content'][number],
): OutputItem {
  return { type: 'message', id, status, role: 'assistant', content: [part] }
}

function closing(open: Open, at: Place): OutputEvent[] {
  const type = `${EVENTS[open.type]}.done`
  if (open.type === 'call') return [{ type, ...at, name: open.name, arguments: open.text }]
  if (open.type === 'custom') {
    const input = customInput(open.text)
    return [
      { type: `${EVENTS.custom}.delta`, ...at, delta: input },
      { type, ...at, input },
    ]
  }
  const inPart = { ...at, content_index: 0 }
  const content =
    open.type === 'refusal'
      ? { refusal: open.text }
      : { text: open.text, ...(open.type === 'text' && { logprobs: open.logprobs }) }
  return [
    { type, ...inPart, ...content },
    { type: 'response.content_part.done', ...inPart, part: partOf(open) },
  ]
}
