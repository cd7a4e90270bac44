import type { ChatChunk, FinishReason, ToolCallDelta } from '../../protocol/index.ts'
import { type ReadChunk, withChoices } from '../chat-choices.ts'
import { CallReader, ThoughtReader, type ToolFormat } from '../marked-text/index.ts'
import { fittingFinish, ToolCallReader } from '../shapes/index.ts'
import { overlap } from '../stop-matcher.ts'
import type { ThoughtLayout } from './thought-layout.ts'

/** How the rest of an answer is read. */
export interface Reading {
  /** Of thoughts within which it goes on; absent after them. */
  readonly thoughts?: ThoughtLayout
  /** Absent where no tools are offered, and where no call can follow. */
  readonly calls?: { readonly format: ToolFormat; readonly names: ReadonlySet<string> }
}

type Choice = ChatChunk['choices'][number]

/** Reads the chunks of an answer that Ollama passes on with its marks, as Ollama reads those that it renders itself. */
export function readMarked(reading: Reading): ReadChunk {
  const answer = new MarkedAnswer(reading)
  return withChoices((sent) => {
    const choices = sent.map((choice) => answer.read(choice))
    const isHeld = choices.every(
      ({ delta, finish_reason: finish }) => Object.keys(delta).length === 0 && finish === null,
    )
    return isHeld ? undefined : choices
  })
}

class MarkedAnswer {
  readonly #thoughts: ThoughtReader | undefined
  readonly #calls: CallReader | undefined
  /** What begins a call. */
  readonly #mark: string
  readonly #sent = new ToolCallReader()
  #begun = 0
  #passed = 0
  /** The call that is written now: Ollama passes on none before it is whole. */
  #open: { readonly name: string; arguments: string } | undefined

  constructor({ thoughts, calls }: Reading) {
    this.#thoughts = thoughts && new ThoughtReader(thoughts.marks, 'thinking', { asOllama: true })
    this.#mark = calls?.format.open ?? ''
    this.#calls = calls && new CallReader({ ...calls, keepsBlank: true })
  }

  read({ delta, finish_reason: finish, ...others }: Choice): Choice {
    const { reasoning, said } = this.#withoutThoughts(delta.content ?? '', finish !== null)
    const { text, calls } = this.#withoutCalls(said, finish)
    const sent = this.#sent.take(calls, 'response')
    return {
      ...others,
      delta: {
        ...(text !== '' && { content: text }),
        ...(reasoning !== '' && { reasoning_content: reasoning }),
        ...(sent.length > 0 && { tool_calls: sent }),
      },
      finish_reason: fittingFinish(finish, this.#sent.hasCalls),
    }
  }

  #withoutThoughts(
    written: string,
    isLast: boolean,
  ): { readonly reasoning: string; readonly said: string } {
    if (this.#thoughts === undefined) return { reasoning: '', said: written }
    const { reasoning, text } = this.#thoughts.push(written)
    const rest = isLast ? this.#thoughts.end() : { reasoning: '', text: '' }
    return { reasoning: reasoning + rest.reasoning, said: text + rest.text }
  }

  #withoutCalls(
    said: string,
    finish: FinishReason | null,
  ): { readonly text: string; readonly calls: readonly object[] } {
    if (this.#calls === undefined) return { text: said, calls: [] }
    // After calls that are marked, Ollama passes on no text.
    const isOver = this.#calls.hasCalls && this.#mark !== ''
    const read = this.#calls.push(said)
    const calls = read.calls.flatMap(({ function: part }) => this.#add(part))
    if (finish === null) return { text: isOver ? '' : read.text, calls }
    // Braces that are still open do not end a call.
    const isCut = finish === 'length' && this.#calls.held?.part === this.#begun - 1
    const held = this.#calls.end().text
    const text = read.text + (finish === 'length' ? this.#beforeMark(held) : held)
    return { text: isOver ? '' : text, calls: isCut ? calls : [...calls, ...this.#whole()] }
  }

  /** Text that was held back, without the beginning of a call or its mark. */
  #beforeMark(text: string): string {
    if (this.#mark === '') return text
    const at = text.indexOf(this.#mark)
    return text.slice(0, at < 0 ? text.length - overlap(text, this.#mark) : at)
  }

  /** @returns the call before, if this part begins another */
  #add(part: ToolCallDelta['function']): object[] {
    const { name, arguments: text = '' } = part ?? {}
    if (name === undefined) {
      if (this.#open !== undefined) this.#open.arguments += text
      return []
    }
    const before = this.#whole()
    this.#open = { name, arguments: text }
    this.#begun += 1
    return before
  }

  /** The call that was written last, if it is whole. */
  #whole(): object[] {
    const parsed = this.#open && argumentsIn(this.#open.arguments)
    const call = this.#open
    this.#open = undefined
    if (call === undefined || parsed === undefined) return []
    return [{ index: this.#passed++, function: { name: call.name, arguments: parsed } }]
  }
}

/** Undefined for a call that was cut off. */
function argumentsIn(text: string): object | undefined {
  try {
    return JSON.parse(text) as object
  } catch {
    return undefined
  }
}
