import { type ChatChunk, type ChatDelta, InferenceError } from '../../protocol/index.ts'
import { type ReadChunk, withChoices } from '../chat-choices.ts'
import { fittingFinish, ToolCallReader } from '../shapes/index.ts'
import { beginsUnmarked, beginsWithChannel } from './channel-marks.ts'
import { type ChannelPart, ChannelReader } from './channel-reader.ts'

const GPT_OSS = /gpt-?oss/i

type Choice = ChatChunk['choices'][number]

/**
 * Reads the chunks of an answer: of one whose text begins with a channel, thoughts, text and tool calls apart; others as
 * they are. Only the beginning decides: marks within a text may be what was asked for.
 *
 * @throws InferenceError `engine_failed` for a header that is not known, and for channels without marks, whose ends
 * cannot be told
 */
export function channelled(model: string): ReadChunk {
  const answer = new ChannelledAnswer(model)
  return withChoices((sent, { tokenIds }) => {
    const choices = answer.isPlain ? sent : sent.map((choice) => answer.read(choice))
    const isHeld = tokenIds.length === 0 && sent.length > 0 && choices.every(isEmpty)
    return isHeld ? undefined : choices
  })
}

class ChannelledAnswer {
  readonly #isGptOss: boolean
  readonly #calls = new ToolCallReader()
  #written = 0
  /** What may be the beginning of a channel; undefined once that is known. */
  #held: string | undefined = ''
  #reader: ChannelReader | undefined

  constructor(model: string) {
    this.#isGptOss = GPT_OSS.test(model)
  }

  /** Whether it has begun with something else than a channel: the rest is passed on as it is. */
  get isPlain(): boolean {
    return this.#held === undefined && this.#reader === undefined
  }

  read(choice: Choice): Choice {
    const { content, ...others } = choice.delta
    const isLast = choice.finish_reason !== null
    const text = this.#decided(content ?? '', isLast)
    if (this.#reader === undefined) {
      return text === (content ?? '')
        ? choice
        : { ...choice, delta: { ...others, ...(text !== '' && { content: text }) } }
    }
    const isCut = choice.finish_reason === 'length'
    const parts = [...this.#reader.push(text), ...(isLast ? this.#reader.end(isCut) : [])]
    // Their tokens are those of the marks, too.
    const { logprobs: _, ...rest } = choice
    return {
      ...rest,
      delta: {
        ...others,
        ...this.#deltaOf(parts, others.reasoning_content ?? '', choice.finish_reason),
      },
      finish_reason:
        fittingFinish(choice.finish_reason, this.#calls.hasCalls) ?? choice.finish_reason,
    }
  }

  /** The text that can be passed on; sets the reader if it begins with a channel. */
  #decided(piece: string, isLast: boolean): string {
    if (this.#held === undefined) return piece
    const text = this.#held + piece
    if (text === '') return ''
    const isMarked = beginsWithChannel(text)
    const isUnmarked = this.#isGptOss ? beginsUnmarked(text) : false
    if (isUnmarked === true) throw unmarked()
    if ((isMarked === undefined || isUnmarked === undefined) && !isLast) {
      this.#held = text
      return ''
    }
    this.#held = undefined
    if (isMarked === true) this.#reader = new ChannelReader()
    return text
  }

  #deltaOf(
    parts: readonly ChannelPart[],
    thought: string,
    finish: Choice['finish_reason'],
  ): ChatDelta {
    const textOf = (kind: 'reasoning' | 'text'): string =>
      parts.flatMap((part) => (part.kind === kind ? [part.text] : [])).join('')
    const reasoning = thought + textOf('reasoning')
    const content = textOf('text')
    const calls = parts.flatMap((part) =>
      part.kind === 'call'
        ? this.#calls.take(
            [
              {
                index: this.#written++,
                function: { name: part.name, arguments: part.arguments.trim() },
              },
            ],
            'choices.0.delta.content',
          )
        : [],
    )
    if (finish !== null) calls.push(...this.#calls.end(finish))
    return {
      ...(content !== '' && { content }),
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    }
  }
}

function isEmpty({ delta, finish_reason: finish }: Choice): boolean {
  return finish === null && Object.keys(delta).length === 0
}

function unmarked(): InferenceError {
  return new InferenceError(
    'engine_failed',
    'the engine passes on the channels of gpt-oss without their marks; start it with its parser for gpt-oss, or let it show special tokens',
  )
}
