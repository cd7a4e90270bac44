import { InferenceError } from '../../protocol/index.ts'
import { overlap } from '../stop-matcher.ts'
import { beginsWithChannel, CLOSING, MESSAGE } from './channel-marks.ts'

/** A part of an answer: thoughts, text, or a tool call, whose arguments may follow in parts. */
export type ChannelPart =
  | { readonly kind: 'reasoning' | 'text'; readonly text: string }
  | { readonly kind: 'call'; readonly name: string; readonly arguments: string }

/** A header is short: a role, a channel, a recipient and a content type. */
const MAX_HEADER = 400

type Body =
  | { readonly kind: 'reasoning' | 'text' }
  | { readonly kind: 'call'; readonly name: string }

/** Tells the messages of an answer apart while it is written, from its first mark on. */
export class ChannelReader {
  /** Undefined within a header. */
  #body: Body | undefined
  #buffer = ''
  #hasMessages: boolean = false
  /** Arguments of a call are passed on whole. */
  #arguments = ''

  /** @throws InferenceError `engine_failed` for a header that is not one of gpt-oss' */
  push(text: string): ChannelPart[] {
    this.#buffer += text
    const parts: ChannelPart[] = []
    for (;;) {
      const more = this.#body === undefined ? this.#header() : this.#content(this.#body, parts)
      if (!more) return parts
    }
  }

  /**
   * What was held back, once the answer has ended.
   *
   * @param isCut whether its limit of tokens ended it
   */
  end(isCut: boolean): ChannelPart[] {
    const parts: ChannelPart[] = []
    const body = this.#body
    if (body === undefined) {
      // An answer that ran out of room within a header has no text there; others mean what they say.
      if (!isCut && this.#isText()) parts.push({ kind: 'text', text: this.#buffer })
      this.#buffer = ''
      return parts
    }
    this.#add(body, this.#buffer, parts)
    this.#buffer = ''
    this.#close(body, parts)
    return parts
  }

  /** Reads a header. @returns whether there is more to read */
  #header(): boolean {
    const at = this.#buffer.indexOf(MESSAGE)
    if (at < 0) {
      if (this.#buffer.length > MAX_HEADER) throw unknown(this.#buffer)
      return false
    }
    this.#hasMessages = true
    this.#body = bodyOf(this.#buffer.slice(0, at))
    this.#buffer = this.#buffer.slice(at + MESSAGE.length)
    return true
  }

  /** Reads a message up to its end. @returns whether there is more to read */
  #content(body: Body, parts: ChannelPart[]): boolean {
    const [found] = CLOSING.map((mark) => ({ mark, at: this.#buffer.indexOf(mark) }))
      .filter(({ at }) => at >= 0)
      .sort((one, other) => one.at - other.at)
    const held = Math.max(...CLOSING.map((mark) => overlap(this.#buffer, mark)))
    const end = found?.at ?? this.#buffer.length - held
    this.#add(body, this.#buffer.slice(0, end), parts)
    this.#buffer = this.#buffer.slice(end)
    if (found === undefined) return false
    this.#close(body, parts)
    this.#body = undefined
    // The marks of a next header stay; those of an end do not.
    if (found.mark !== '<|start|>' && found.mark !== '<|channel|>')
      this.#buffer = this.#buffer.slice(found.mark.length)
    return true
  }

  /** Whether what stands where a header was expected is text: all of an answer, or words behind a message's end. */
  #isText(): boolean {
    return (
      this.#buffer.trim() !== '' &&
      (!this.#hasMessages || beginsWithChannel(this.#buffer) === false)
    )
  }

  #add(body: Body, text: string, parts: ChannelPart[]): void {
    if (body.kind === 'call') this.#arguments += text
    else if (text !== '') parts.push({ kind: body.kind, text })
  }

  #close(body: Body, parts: ChannelPart[]): void {
    if (body.kind !== 'call') return
    parts.push({ ...body, arguments: this.#arguments })
    this.#arguments = ''
  }
}

/**
 * What a header announces: `<|start|>assistant<|channel|>commentary to=functions.NAME <|constrain|>json`, with the recipient
 * before or behind the channel, or none.
 *
 * @throws InferenceError `engine_failed`
 */
function bodyOf(header: string): Body {
  const [, recipient] = /(?:^|[\s>])to=([^\s<]+)/.exec(header) ?? []
  const [, channel] = /<\|channel\|>\s*(\w+)/.exec(header) ?? []
  if (recipient !== undefined && recipient !== 'assistant' && recipient !== 'user') {
    const name = recipient.replace(/^functions\./, '')
    // Tools of the model's own, as `browser.search` and `python`, are not the caller's.
    if (name === recipient) throw unknown(header)
    return { kind: 'call', name }
  }
  switch (channel) {
    case 'analysis':
      return { kind: 'reasoning' }
    case 'commentary':
    case 'final':
    case undefined:
      return { kind: 'text' }
    default:
      throw unknown(header)
  }
}

function unknown(header: string): InferenceError {
  const shown = JSON.stringify(header.slice(0, 80))
  return new InferenceError(
    'engine_failed',
    `the engine passed on a header of the model's own that is not known: ${shown}`,
  )
}
