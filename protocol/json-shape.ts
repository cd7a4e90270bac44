import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** Number of values in a JSON text, counted without parsing it. */
export interface JsonShape {
  readonly bytes: number
  /** Objects and arrays. */
  readonly containers: number
  /** Names of fields among them. */
  readonly strings: number
  /** Commas: an upper bound on numbers, `true`, `false` and `null`, beside one for each container. */
  readonly commas: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** A string that is shorter ends sooner byte by byte: a native search costs as much as that many. */
const NEAR_BYTES = 32

/** Heap bytes of V8 for one value of its kind, rounded up. */
const CONTAINER_BYTES = 128
const STRING_BYTES = 48
const SCALAR_BYTES = 16

/**
 * Counts the values of a JSON text in one pass over its bytes, so that a text that is cheap to send and costly to
 * parse or to validate is refused before either. It stops at the first count that is over its limit. Invalid JSON is not
 * detected here.
 *
 * @throws InferenceError `invalid_request`
 */
export function measureJson(text: Uint8Array): JsonShape {
  const counter = new JsonCounter()
  counter.add(text)
  return counter.shape
}

/** The same for a text that arrives in pieces, which is refused at the first piece that is over a limit. */
export class JsonCounter {
  #bytes = 0
  #depth = 0
  #containers = 0
  #strings = 0
  #commas = 0
  #isInString: boolean = false
  /** The piece before ended in a string, after a backslash that escapes what follows. */
  #isEscaped: boolean = false

  get shape(): JsonShape {
    const shape = { containers: this.#containers, strings: this.#strings, commas: this.#commas }
    return { bytes: this.#bytes, ...shape }
  }

  /** @throws InferenceError `invalid_request` */
  add(piece: Uint8Array): void {
    this.#bytes += piece.length
    for (let at = this.#isInString ? this.#endOfString(piece, 0) : 0; at < piece.length; at += 1) {
      switch (piece[at]) {
        case QUOTE:
          this.#strings += 1
          if (this.#strings > LIMITS.maxJsonStrings) throw tooMany('strings', LIMITS.maxJsonStrings)
          // The loop continues after the closing quote.
          at = this.#endOfString(piece, at + 1) - 1
          break
        case COMMA:
          this.#commas += 1
          if (this.#commas > LIMITS.maxJsonValues) throw tooMany('values', LIMITS.maxJsonValues)
          break
        case OPEN_BRACE:
        case OPEN_BRACKET:
          this.#open()
          break
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          this.#depth -= 1
          break
        default:
          break
      }
    }
  }

  #open(): void {
    this.#containers += 1
    this.#depth += 1
    if (this.#depth > LIMITS.maxJsonDepth) throw tooMany('levels', LIMITS.maxJsonDepth)
    if (this.#containers > LIMITS.maxJsonContainers) {
      throw tooMany('objects and arrays', LIMITS.maxJsonContainers)
    }
  }

  /** @returns the position after the closing quote; the length of the piece if the string goes on */
  #endOfString(piece: Uint8Array, from: number): number {
    if (!this.#isEscaped) {
      const most = Math.min(piece.length, from + NEAR_BYTES)
      for (let at = from; at < most && piece[at] !== BACKSLASH; at += 1) {
        if (piece[at] !== QUOTE) continue
        this.#isInString = false
        return at + 1
      }
    }
    const isEscapedAt = (at: number): boolean => {
      let first = at
      while (first > from && piece[first - 1] === BACKSLASH) first -= 1
      const carried = first === from && this.#isEscaped ? 1 : 0
      return (at - first + carried) % 2 === 1
    }
    for (let end = piece.indexOf(QUOTE, from); end !== -1; end = piece.indexOf(QUOTE, end + 1)) {
      if (isEscapedAt(end)) continue
      this.#isInString = false
      this.#isEscaped = false
      return end + 1
    }
    const isEscaped = isEscapedAt(piece.length)
    this.#isInString = true
    this.#isEscaped = isEscaped
    return piece.length
  }
}

/** Memory that the parsed values take, in bytes; an estimate that errs upwards for text in ASCII. */
export function parsedBytes({ bytes, containers, strings, commas }: JsonShape): number {
  const values = containers * CONTAINER_BYTES + strings * STRING_BYTES + commas * SCALAR_BYTES
  return bytes + values
}

/**
 * Memory of a text and what is parsed from it, in bytes, until all of it was sent on or used: the text, the values, and
 * the bytes. One character beyond ASCII doubles the text, and the strings among the values.
 */
export function readingBytes(shape: JsonShape, isWide: boolean): number {
  return parsedBytes(shape) + shape.bytes * (isWide ? 4 : 2)
}

function tooMany(what: string, most: number): InferenceError {
  return new InferenceError(
    'invalid_request',
    `the request has more than ${most} ${what} of JSON: send less in one request`,
  )
}
