import { InferenceError } from '../../protocol/index.ts'

/** Characters that do not come twice by chance, as "ha ha" does. */
const MIN_REPEATED = 16

export interface RepeatedStartInit {
  /** What the answer begins with. */
  readonly begun: string
  /** What of it was sent to the API: all but white space at its end. */
  readonly sent: string
  /** The API always sends the beginning again. */
  readonly repeats: boolean
  /** Whether the beginning is the caller's own, instead of an answer that broke off. */
  readonly isCallers: boolean
}

/**
 * The rest of an answer, from an API that was asked to continue it. Some send the beginning again, which is dropped here;
 * some ignore the beginning and answer anew, which is an error.
 */
export class RepeatedStart {
  readonly #begun: string
  readonly #init: RepeatedStartInit
  /** White space that was not sent, which the rest may begin with. */
  #space: string
  /** What may be a repetition; undefined once it is known. */
  #held: string | undefined

  constructor(init: RepeatedStartInit) {
    const { begun, sent } = init
    this.#init = init
    this.#begun = sent
    this.#space = begun.slice(sent.length)
    this.#held = sent === '' ? undefined : ''
  }

  /**
   * @returns what is new of a piece, and of what was held back before
   * @throws InferenceError `not_resumable`, or `engine_failed` after a beginning of the caller's own, if the answer was begun
   * anew, or may have been
   */
  pass(piece: string): string {
    if (this.#held === undefined) return this.#withoutSpace(piece)
    const before = this.#held
    const held = before + piece
    this.#held = held
    // The part before agrees.
    if (held.length < this.#begun.length && this.#begun.startsWith(piece, before.length)) return ''
    this.#held = undefined
    if (!held.startsWith(this.#begun)) {
      if (agreement(held, this.#begun) >= MIN_REPEATED) throw this.#anew()
      return this.#withoutSpace(held)
    }
    if (!this.#init.repeats && this.#begun.length < MIN_REPEATED) throw this.#anew()
    return this.#withoutSpace(held.slice(this.#begun.length))
  }

  /** What is held back at the end of the answer. @throws InferenceError as `pass` */
  rest(): string {
    const held = this.#held ?? ''
    this.#held = undefined
    if (held.length >= MIN_REPEATED) throw this.#anew()
    return this.#withoutSpace(held)
  }

  #anew(): InferenceError {
    return new InferenceError(
      this.#init.isCallers ? 'engine_failed' : 'not_resumable',
      'the API began the answer anew instead of continuing it',
    )
  }

  /** Drops the white space that the caller has already. */
  #withoutSpace(text: string): string {
    if (this.#space === '' || text === '') return text
    const length = agreement(text, this.#space)
    this.#space = length === text.length ? this.#space.slice(length) : ''
    return text.slice(length)
  }
}

/** Length of the common beginning. */
function agreement(one: string, other: string): number {
  let length = 0
  while (length < one.length && one[length] === other[length]) length += 1
  return length
}
