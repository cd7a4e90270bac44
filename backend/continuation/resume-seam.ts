import { InferenceError } from '../../protocol/index.ts'

/**
 * Drops what the caller has already from the start of a regenerated text, and checks that it is the same.
 * Counts in bytes of UTF-8, as the caller does.
 */
export class ResumeSeam {
  readonly #delivered: Buffer
  #matched = 0

  constructor(text: string, deliveredBytes: number) {
    const bytes = Buffer.from(text)
    if (deliveredBytes > bytes.length) throw doesNotFit()
    this.#delivered = bytes.subarray(0, deliveredBytes)
  }

  /**
   * @returns the part of `text` that the caller does not have.
   * @throws InferenceError `not_resumable` if the caller's text differs.
   */
  pass(text: string): string {
    const open = this.#delivered.length - this.#matched
    if (open === 0 || text === '') return text
    const bytes = Buffer.from(text)
    const length = Math.min(open, bytes.length)
    const expected = this.#delivered.subarray(this.#matched, this.#matched + length)
    if (!bytes.subarray(0, length).equals(expected)) throw doesNotFit()
    this.#matched += length
    return bytes.subarray(length).toString('utf8')
  }

  /** @throws InferenceError `not_resumable` if the answer is shorter than what the caller has. */
  end(): void {
    if (this.#matched < this.#delivered.length) throw doesNotFit()
  }
}

function doesNotFit(): InferenceError {
  return new InferenceError(
    'not_resumable',
    'the token ids do not decode to the text delivered so far',
  )
}
