import { overlap } from '../stop-matcher.ts'
import { cutAtMark } from './cut-at-mark.ts'
import type { ThoughtMarks } from './thought-marks.ts'

/** A part of an answer, its thoughts apart from the rest. */
export interface ReadThoughts {
  readonly reasoning: string
  readonly text: string
}

/** Where an answer is when it begins, or goes on. */
export type ThoughtPlace =
  /** It may begin with a mark. */
  | 'start'
  /** The prompt has opened its thoughts. */
  | 'opened'
  /** Within thoughts of which a part is written. */
  | 'thinking'
  | 'text'

interface ThoughtReaderOptions {
  /**
   * Ollama's reading: blank space before the closing mark belongs to the thoughts, and an answer that is cut off there ends
   * before what may be that mark.
   *
   * @default false
   */
  readonly asOllama?: boolean
}

/**
 * Separates thoughts from the text of an answer while it is written. Marks, and blank lines beside them, belong to neither.
 * Only the start of an answer has thoughts; a later mark is text.
 */
export class ThoughtReader {
  readonly #marks: ThoughtMarks
  readonly #asOllama: boolean
  #mode: ThoughtPlace | 'after'
  #buffer = ''

  constructor(
    marks: ThoughtMarks,
    place: ThoughtPlace,
    { asOllama = false }: ThoughtReaderOptions = {},
  ) {
    this.#marks = marks
    this.#asOllama = asOllama
    this.#mode = place
  }

  get isThinking(): boolean {
    return this.#mode === 'opened' || this.#mode === 'thinking'
  }

  /** Whether no thoughts can follow. */
  get isOver(): boolean {
    return this.#mode === 'text' || this.#mode === 'after'
  }

  push(text: string): ReadThoughts {
    this.#buffer += text
    let reasoning = ''
    if (this.#mode === 'start') this.#begin()
    if (this.#mode === 'opened' || this.#mode === 'thinking') reasoning = this.#think()
    if (this.#mode === 'after') this.#begin()
    return { reasoning, text: this.#mode === 'text' ? this.#take() : '' }
  }

  /** What was held back, once the answer has ended. */
  end(): ReadThoughts {
    const rest = this.#take()
    switch (this.#mode) {
      case 'start':
      case 'text':
        return { reasoning: '', text: rest }
      case 'opened':
      case 'thinking':
        return { reasoning: this.#asOllama ? '' : rest.trimEnd(), text: '' }
      case 'after':
        return { reasoning: '', text: '' }
      default:
        return this.#mode satisfies never
    }
  }

  /** Decides by the first characters whether thoughts, or text, come. */
  #begin(): void {
    const begun = this.#buffer.trimStart()
    if (begun === '') return
    const { open } = this.#marks
    if (this.#mode === 'start') {
      if (begun.length < open.length && open.startsWith(begun)) return
      if (begun.startsWith(open)) {
        this.#buffer = begun.slice(open.length)
        this.#mode = 'opened'
        return
      }
    } else this.#buffer = begun
    this.#mode = 'text'
  }

  #think(): string {
    if (this.#mode === 'opened') {
      this.#buffer = this.#buffer.trimStart()
      if (this.#buffer === '') return ''
      this.#mode = 'thinking'
    }
    const { text, gap, mark, rest } = cutAtMark(this.#buffer, [this.#marks.close])
    if (mark !== undefined) this.#mode = 'after'
    if (!this.#asOllama) {
      this.#buffer = rest
      return text
    }
    // Without a mark, the rest is blank space and what may begin one.
    const begun = mark === undefined ? overlap(rest, this.#marks.close) : rest.length
    this.#buffer = rest.slice(rest.length - begun)
    return text + (mark === undefined ? rest.slice(0, rest.length - begun) : gap)
  }

  #take(): string {
    const rest = this.#buffer
    this.#buffer = ''
    return rest
  }
}
