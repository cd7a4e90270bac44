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
  let depth = 0
  let containers = 0
  let strings = 0
  let commas = 0
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case QUOTE:
        strings += 1
        if (strings > LIMITS.maxJsonStrings) throw tooMany('strings', LIMITS.maxJsonStrings)
        at = endOfString(text, at)
        break
      case COMMA:
        commas += 1
        if (commas > LIMITS.maxJsonValues) throw tooMany('values', LIMITS.maxJsonValues)
        break
      case OPEN_BRACE:
      case OPEN_BRACKET:
        containers += 1
        depth += 1
        if (depth > LIMITS.maxJsonDepth) throw tooMany('levels', LIMITS.maxJsonDepth)
        if (containers > LIMITS.maxJsonContainers) {
          throw tooMany('objects and arrays', LIMITS.maxJsonContainers)
        }
        break
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1
        break
      default:
        break
    }
  }
  return { bytes: text.length, containers, strings, commas }
}

/** Memory that the parsed values take, in bytes; an estimate that errs upwards for text in ASCII. */
export function parsedBytes({ bytes, containers, strings, commas }: JsonShape): number {
  const values = containers * CONTAINER_BYTES + strings * STRING_BYTES + commas * SCALAR_BYTES
  return bytes + values
}

/** Position of the closing quote, or the text's length if it is missing. */
function endOfString(text: Uint8Array, start: number): number {
  let end = text.indexOf(QUOTE, start + 1)
  while (end !== -1) {
    let first = end
    while (text[first - 1] === BACKSLASH && first - 1 > start) first -= 1
    if ((end - first) % 2 === 0) return end
    end = text.indexOf(QUOTE, end + 1)
  }
  return text.length
}

function tooMany(what: string, most: number): InferenceError {
  return new InferenceError(
    'invalid_request',
    `the request has more than ${most} ${what} of JSON: send less in one request`,
  )
}
