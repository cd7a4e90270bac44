import { randomBytes } from 'node:crypto'
import type { ToolCallDelta } from '../../protocol/index.ts'
import { overlap } from '../stop-matcher.ts'
import type { HeldJson } from './held-json.ts'
import type { ToolFormat } from './tool-format.ts'

/** What a part of a model's text adds to the answer. */
export interface ReadText {
  readonly text: string
  readonly calls: readonly ToolCallDelta[]
}

export interface CallReaderInit {
  readonly format: ToolFormat
  /** Functions that may be called. */
  readonly names: ReadonlySet<string>
  /** The prompt has begun a call; nothing but other calls may follow it. @default false */
  readonly isForced?: boolean
  /** The answer has one call at most. @default false */
  readonly isSingle?: boolean
}

/** A head of a call is this long at most; anything longer is text. */
const MAX_HEAD = 1_024
/** Blank characters between required calls. */
const MAX_BLANK = 64
/** What may stand before the JSON of a call. */
const LEAD = /^[\s,;[]*/
const STRING = '"((?:[^"\\\\]|\\\\.)*)"'

/**
 * Finds tool calls in the text of an answer while it is written. A call of a function that is not offered, or one in
 * another syntax, stays text.
 */
export class CallReader {
  readonly #format: ToolFormat
  readonly #names: ReadonlySet<string>
  readonly #head: RegExp
  readonly #isForced: boolean
  readonly #isSingle: boolean
  #mode: 'start' | 'text' | 'head' | 'arguments' | 'closing' | 'after' = 'text'
  #buffer = ''
  /** White space before the mark of a call. */
  #blank = ''
  #count = 0
  /** JSON of the call that is written now. */
  #json = ''
  #isOver: boolean = false
  #depth = 0
  #inString: boolean = false
  #escaped: boolean = false

  constructor({ format, names, isForced = false, isSingle = false }: CallReaderInit) {
    this.#format = format
    this.#names = names
    this.#isForced = isForced
    this.#isSingle = isSingle
    this.#head = new RegExp(
      `^[\\s,;[]*\\{\\s*"name"\\s*:\\s*${STRING}\\s*,\\s*"${format.argumentsKey}"\\s*:\\s*(?=\\{)`,
    )
    if (isForced) this.#mode = 'head'
    else if (format.open === '') this.#mode = 'start'
  }

  get hasCalls(): boolean {
    return this.#count > 0
  }

  /** Whether the answer has all its calls: what follows is no part of it. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The JSON of the call that is written now; undefined outside of calls. */
  get held(): HeldJson | undefined {
    const rest = this.#mode === 'head' ? this.#buffer.replace(LEAD, '') : this.#buffer
    switch (this.#mode) {
      case 'head': {
        const isBegun = rest.startsWith('{') || (rest === '' && this.#isForced && !this.hasCalls)
        return isBegun ? { part: this.#count, text: rest } : undefined
      }
      case 'arguments':
      case 'closing':
        return { part: this.#count - 1, text: this.#json + rest }
      case 'start':
      case 'text':
      case 'after':
        return undefined
      default:
        return this.#mode satisfies never
    }
  }

  push(text: string): ReadText {
    if (this.#isOver) return { text: '', calls: [] }
    this.#buffer += text
    const calls: ToolCallDelta[] = []
    let shown = ''
    for (;;) {
      const before = this.#mode
      const length = this.#buffer.length
      shown += this.#step(calls)
      if (this.#mode === before && this.#buffer.length === length) break
    }
    if (!this.#isForced || !this.hasCalls) return { text: shown, calls }
    if (shown.trim() !== '' || !this.#mayCallAgain()) this.#finish()
    return { text: '', calls }
  }

  /** Whether the text after a required call may still become another one. */
  #mayCallAgain(): boolean {
    const rest = this.#buffer.trimStart()
    if (this.#buffer.length - rest.length > MAX_BLANK) return false
    const { open, close } = this.#format
    switch (this.#mode) {
      case 'after':
        return [open, close].some((mark) => mark !== '' && (mark.startsWith(rest) || rest === ''))
      case 'head': {
        const json = rest.replace(LEAD, '')
        return json === '' || json.startsWith('{')
      }
      case 'start':
      case 'text':
      case 'arguments':
      case 'closing':
        return true
      default:
        return this.#mode satisfies never
    }
  }

  #finish(): void {
    this.#isOver = true
    this.#buffer = ''
    this.#mode = 'after'
  }

  /** What was held back, once the answer has ended. */
  end(): ReadText {
    const rest = this.#buffer
    this.#buffer = ''
    // Only another call may follow a required one.
    if (this.#isForced && this.hasCalls) return { text: '', calls: [] }
    switch (this.#mode) {
      case 'start':
      case 'text':
        // After a call only blank lines are left.
        return { text: this.hasCalls && rest.trim() === '' ? '' : rest, calls: [] }
      case 'head': {
        const isBlank = rest.trim() === ''
        return { text: isBlank ? '' : this.#blank + this.#format.open + rest, calls: [] }
      }
      case 'arguments':
      case 'closing':
      case 'after':
        return { text: '', calls: [] }
      default:
        return this.#mode satisfies never
    }
  }

  /** Moves on by one step. @returns text to show */
  #step(calls: ToolCallDelta[]): string {
    switch (this.#mode) {
      case 'start':
        return this.#start()
      case 'text':
        return this.#text()
      case 'head':
        return this.#beginCall(calls)
      case 'arguments':
        return this.#readArguments(calls)
      case 'closing':
        return this.#close()
      case 'after':
        return this.#endCall()
      default:
        return this.#mode satisfies never
    }
  }

  /** Where a call is the whole answer, its first character shows it. */
  #start(): string {
    const tag = '<|python_tag|>'
    const begun = this.#buffer.trimStart()
    if (begun === '' || (begun.length < tag.length && tag.startsWith(begun))) return ''
    if (begun.startsWith(tag)) this.#buffer = begun.slice(tag.length)
    this.#mode = begun.startsWith(tag) || begun.startsWith('{') ? 'head' : 'text'
    return ''
  }

  #text(): string {
    const { open } = this.#format
    const at = open === '' ? -1 : this.#buffer.indexOf(open)
    const end = at >= 0 ? at : this.#buffer.length - overlap(this.#buffer, open)
    // Blank lines before a call belong to its syntax.
    const text = open === '' ? this.#buffer : this.#buffer.slice(0, end).trimEnd()
    if (at >= 0) {
      this.#blank = this.#buffer.slice(text.length, at)
      this.#buffer = this.#buffer.slice(at + open.length)
      this.#mode = 'head'
    } else this.#buffer = this.#buffer.slice(text.length)
    return text
  }

  #beginCall(calls: ToolCallDelta[]): string {
    const match = this.#head.exec(this.#buffer)
    if (match === null) {
      const { close } = this.#format
      const isOver = close !== '' && this.#buffer.includes(close)
      return isOver || this.#buffer.length > MAX_HEAD ? this.#asText() : ''
    }
    const name = JSON.parse(`"${match[1] ?? ''}"`) as string
    if (!this.#names.has(name)) return this.#asText()
    const id = `call_${randomBytes(12).toString('hex')}`
    calls.push({ index: this.#count, id, type: 'function', function: { name, arguments: '' } })
    this.#count += 1
    this.#json = match[0].replace(LEAD, '')
    this.#buffer = this.#buffer.slice(match[0].length)
    this.#mode = 'arguments'
    this.#depth = 0
    return ''
  }

  /** The mark began no call. A later one may. */
  #asText(): string {
    this.#mode = 'text'
    const { open } = this.#format
    if (open !== '') return this.#blank + open
    // Without a mark nothing shows where a later call begins.
    const text = this.#buffer
    this.#buffer = ''
    return text
  }

  #readArguments(calls: ToolCallDelta[]): string {
    let end = 0
    for (const char of this.#buffer) {
      end += char.length
      this.#advance(char)
      if (this.#depth === 0) break
    }
    const text = this.#buffer.slice(0, end)
    this.#buffer = this.#buffer.slice(end)
    if (text !== '') calls.push({ index: this.#count - 1, function: { arguments: text } })
    this.#json += text
    if (text !== '' && this.#depth === 0) this.#mode = 'closing'
    return ''
  }

  /** The end of the call's object, which some models forget. */
  #close(): string {
    const rest = this.#buffer.trimStart()
    if (rest === '') return ''
    if (rest.startsWith('}')) this.#buffer = rest.slice(1)
    if (this.#isSingle) this.#finish()
    else this.#mode = 'after'
    return ''
  }

  #advance(char: string): void {
    if (this.#escaped) this.#escaped = false
    else if (this.#inString && char === '\\') this.#escaped = true
    else if (char === '"') this.#inString = !this.#inString
    else if (this.#inString) return
    else if (char === '{' || char === '[') this.#depth += 1
    else if (char === '}' || char === ']') this.#depth -= 1
  }

  #endCall(): string {
    const { open, close } = this.#format
    if (close !== '') {
      const at = this.#buffer.indexOf(close)
      const next = this.#buffer.indexOf(open)
      // Some models forget to close a call before they begin another.
      const isOpen = next >= 0 && (at < 0 || next < at)
      if (!isOpen && at < 0) return ''
      this.#buffer = this.#buffer.slice(isOpen ? next : at + close.length)
      this.#mode = 'text'
      return ''
    }
    // The next call, or the end of the list.
    const rest = this.#buffer.trimStart()
    if (rest.startsWith(',') || rest.startsWith(';') || rest.startsWith('{')) {
      this.#buffer = rest
      this.#mode = 'head'
    }
    return ''
  }
}
