import { randomBytes } from 'node:crypto'
import type { ToolCallDelta } from '../../protocol/index.ts'
import { HeadReader, withoutLead } from './call-head.ts'
import { cutAtMark } from './cut-at-mark.ts'
import type { HeldJson } from './held-json.ts'
import { JsonScan } from './json-scan.ts'
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
  /** Whether blank space before the first call is text, as at Ollama. @default false */
  readonly keepsBlank?: boolean
}

/** Blank characters between required calls. */
const MAX_BLANK = 64
/** What may stand between two calls of one block, or between the last and its end: surplus brackets included. */
const BETWEEN = /^[\s,;\]}]*/

/**
 * Finds tool calls in the text of an answer while it is written. A call of a function that is not offered, or one in
 * another syntax, stays text.
 */
export class CallReader {
  readonly #format: ToolFormat
  readonly #names: ReadonlySet<string>
  readonly #head: HeadReader
  readonly #isForced: boolean
  readonly #isSingle: boolean
  readonly #keepsBlank: boolean
  #mode: 'start' | 'text' | 'head' | 'arguments' | 'closing' | 'members' | 'after' = 'text'
  #buffer = ''
  /** The mark before the JSON that may be a call, and the white space before it. Empty where none was written. */
  #mark = ''
  /** Whether the end mark of a block with calls is still to come. */
  #isUnclosed: boolean = false
  #count = 0
  /** JSON of the call that is written now. */
  #json = ''
  #scan: JsonScan = new JsonScan()
  #isOver: boolean = false

  constructor({
    format,
    names,
    isForced = false,
    isSingle = false,
    keepsBlank = false,
  }: CallReaderInit) {
    this.#format = format
    this.#names = names
    this.#isForced = isForced
    this.#isSingle = isSingle
    this.#keepsBlank = keepsBlank
    this.#head = new HeadReader(format.argumentsKey)
    if (isForced) {
      this.#mark = format.open
      this.#mode = 'head'
    } else if (format.open === '') this.#mode = 'start'
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
    const rest = this.#mode === 'head' ? withoutLead(this.#buffer) : this.#buffer
    switch (this.#mode) {
      case 'head': {
        const isBegun = rest.startsWith('{') || (rest === '' && this.#isForced && !this.hasCalls)
        return isBegun ? { part: this.#count, text: rest } : undefined
      }
      case 'arguments':
      case 'closing':
      case 'members':
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
    switch (this.#mode) {
      case 'after':
        return this.#format.open !== '' && this.#mayBeMark(rest.replace(BETWEEN, ''))
      case 'head': {
        const json = withoutLead(rest)
        return json === '' || json.startsWith('{')
      }
      case 'start':
      case 'text':
      case 'arguments':
      case 'closing':
      case 'members':
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
        return { text: isBlank ? '' : this.#mark + rest, calls: [] }
      }
      case 'arguments':
      case 'closing':
      case 'members':
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
      case 'members':
        return this.#readMembers()
      case 'after':
        return this.#afterCall()
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
    const { open, close } = this.#format
    const cut = cutAtMark(this.#buffer, [open, this.#isUnclosed ? close : ''])
    const { text, gap, mark, rest } = cut
    this.#buffer = rest
    if (mark === undefined) return text
    this.#isUnclosed = false
    if (mark !== open) return text
    this.#mode = 'head'
    const isText = this.#keepsBlank && !this.hasCalls
    this.#mark = isText ? mark : gap + mark
    return isText ? text + gap : text
  }

  #beginCall(calls: ToolCallDelta[]): string {
    const head = this.#head.read(this.#buffer)
    if (head === undefined) {
      const { close } = this.#format
      return close !== '' && this.#buffer.includes(close) ? this.#asText() : ''
    }
    if (head === 'text' || head.name === undefined) return this.#asText()
    const { name, json, length } = head
    if (!this.#names.has(name)) return this.#asText()
    const id = `call_${randomBytes(12).toString('hex')}`
    calls.push({ index: this.#count, id, type: 'function', function: { name, arguments: '' } })
    this.#count += 1
    this.#json = json
    this.#buffer = this.#buffer.slice(length)
    this.#mode = 'arguments'
    this.#scan = new JsonScan()
    this.#isUnclosed = this.#format.close !== ''
    return ''
  }

  /** The mark began no call. A later one may. */
  #asText(): string {
    this.#mode = 'text'
    return this.#mark
  }

  #readArguments(calls: ToolCallDelta[]): string {
    const text = this.#takeJson()
    if (text !== '') calls.push({ index: this.#count - 1, function: { arguments: text } })
    if (this.#scan.isOver) this.#mode = 'closing'
    return ''
  }

  #takeJson(): string {
    const text = this.#scan.take(this.#buffer)
    this.#json += text
    this.#buffer = this.#buffer.slice(text.length)
    return text
  }

  /** The end of the call's object, which some models forget. Others write further members, such as an id, before it. */
  #close(): string {
    const rest = this.#buffer.trimStart()
    if (/^(?:,\s*)?$/.test(rest)) return ''
    if (/^,\s*"/.test(rest)) {
      this.#scan = new JsonScan(1)
      this.#mode = 'members'
      return ''
    }
    if (rest.startsWith('}')) this.#buffer = rest.slice(1)
    return this.#endCall()
  }

  #readMembers(): string {
    this.#takeJson()
    return this.#scan.isOver ? this.#endCall() : ''
  }

  #endCall(): string {
    if (this.#isSingle) this.#finish()
    else this.#mode = 'after'
    return ''
  }

  /** The next call of the same block, the end of the block, or text. */
  #afterCall(): string {
    const { open, close } = this.#format
    const rest = this.#buffer.replace(BETWEEN, '')
    if (rest.startsWith('{')) {
      this.#buffer = rest
      this.#mark = ''
      this.#mode = 'head'
    } else if ([open, close].some((mark) => mark !== '' && rest.startsWith(mark))) {
      this.#buffer = rest
      this.#mode = 'text'
    } else if (!this.#mayBeMark(rest)) {
      this.#buffer = this.#buffer.replace(/^[\s\]}]*/, '')
      this.#mode = 'text'
    }
    return ''
  }

  #mayBeMark(rest: string): boolean {
    const { open, close } = this.#format
    return rest === '' || open.startsWith(rest) || close.startsWith(rest)
  }
}
