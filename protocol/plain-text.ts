/** Parser state within a sequence opened by ESC or a C1 control. */
type State = 'text' | 'escape' | 'sequence' | 'string' | 'string-escape'

/** Longest control sequence; what follows counts as text again, so that an unterminated one cannot hide an answer. */
const MAX_SEQUENCE_LENGTH = 256

const ESC = 0x1b
const BEL = 0x07
const C1_STRING_END = 0x9c

/**
 * Removes terminal control from streamed text of peers: escape sequences (also those split across
 * chunks) and every control character except newline and tab. Other text is unchanged.
 *
 * @example
 * const plain = plainText()
 * process.stdout.write(plain('red: \u001b[3') + plain('1mtext')) // 'red: text'
 */
export function plainText(): (piece: string) => string {
  let state: State = 'text'
  let length = 0
  return (piece) => {
    let kept = ''
    for (const character of piece) {
      const code = character.codePointAt(0) ?? 0
      if (state !== 'text' && (code === 0x0a || ++length > MAX_SEQUENCE_LENGTH)) state = 'text'
      if (state === 'text') {
        if (isPlain(code)) kept += character
        else {
          state = opened(code)
          length = 0
        }
      } else state = next(state, code)
    }
    return kept
  }
}

/** Text of a peer on one line: a model id, an operator tag, an error message. */
export function plainLine(text: string): string {
  return (
    plainText()(text)
      .replaceAll(/[\n\t\u2028\u2029]+/g, ' ')
      // Marks that reorder text or have no width, with which one name can imitate another.
      .replaceAll(/[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g, '')
  )
}

/** An error for a log: its message, which may contain a peer's text, on one line, followed by the stack. */
export function plainError(error: unknown): string {
  if (!(error instanceof Error)) return plainLine(String(error))
  const { name, message, stack = '' } = error
  const head = `${name}: ${message}`
  const at = stack.indexOf(head)
  const frames = at === -1 ? '' : stack.slice(at + head.length)
  return plainLine(head) + plainText()(frames)
}

function isPlain(code: number): boolean {
  if (code === 0x0a || code === 0x09) return true
  return code >= 0x20 && (code < 0x7f || code > 0x9f)
}

/** ECMA-48: CSI opens a sequence; DCS, SOS, OSC, PM and APC open a string that ends with ST (or BEL, as xterm has it). */
function opened(code: number): State {
  if (code === ESC) return 'escape'
  if (code === 0x9b) return 'sequence'
  return [0x90, 0x98, 0x9d, 0x9e, 0x9f].includes(code) ? 'string' : 'text'
}

function next(state: Exclude<State, 'text'>, code: number): State {
  switch (state) {
    case 'escape':
      if (code === ESC) return 'escape'
      if (code === 0x5b) return 'sequence'
      if ([0x50, 0x58, 0x5d, 0x5e, 0x5f].includes(code)) return 'string'
      // Intermediate bytes, then one final byte: `ESC ( B` selects a character set.
      return code >= 0x20 && code <= 0x2f ? 'escape' : 'text'
    case 'sequence':
      if (code === ESC) return 'escape'
      return code >= 0x20 && code <= 0x3f ? 'sequence' : 'text'
    case 'string':
      if (code === ESC) return 'string-escape'
      return code === BEL || code === C1_STRING_END ? 'text' : 'string'
    case 'string-escape':
      return code === 0x5c ? 'text' : next('escape', code)
    default:
      return state satisfies never
  }
}
