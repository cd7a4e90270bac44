import { randomBytes } from 'node:crypto'
import type { FinishReason, ToolCallDelta } from '../../protocol/index.ts'
import { countAt, isAbsent, type Json, recordAt, textAt, WrongShape, wrongShape } from './field.ts'

/** A tool call, or a part of one, as an engine sent it. */
interface SentToolCall {
  /** Undefined if the engine does not number its calls. */
  readonly index: number | undefined
  /** Empty if the engine sends none. */
  readonly id: string
  /** Empty in the parts after the first. */
  readonly name: string
  readonly arguments: string
  /** Nothing but a name: no number, id or arguments. */
  readonly isBare: boolean
}

interface Call {
  /** In the order of appearance. */
  readonly place: number
  /** Number in the answer; undefined while the call is held back. */
  shownAs: number | undefined
  /** Distinct from those of other calls. */
  readonly id: string
  readonly sentIndex: number | undefined
  /** As the engine sent it; empty if it sends none. */
  sentId: string
  name: string
  arguments: string
  readonly isBare: boolean
}

/**
 * Distinguishes the tool calls of a stream. Engines number them by `index`, or name them by `id`, or do both; some leave out
 * the index, give every call index 0, count from 1, repeat id and name with every part, or send a new id with every part.
 * The result is numbered from 0 in order of appearance, with id and name once; a call without an id gets one. A call is held
 * back until its arguments, another call or the end of the answer show that its name is complete.
 */
export class ToolCallReader {
  readonly #calls: Call[] = []
  #shown = 0

  /** Whether any call was read. */
  get hasCalls(): boolean {
    return this.#calls.length > 0
  }

  /**
   * The calls of one record.
   *
   * @throws InferenceError `engine_failed` for an undocumented shape, and for parts of a call that never began
   */
  take(value: unknown, path: string): ToolCallDelta[] {
    if (isAbsent(value)) return []
    // One call in place of a list.
    const list = Array.isArray(value) ? value : [value]
    return list.flatMap((item: unknown, at) => {
      const where = Array.isArray(value) ? `${path}.${at}` : path
      return this.#add(sentCallAt(item, where), at > 0, where)
    })
  }

  /**
   * The calls that were held back, at the end of the answer: none if its limit cut them off.
   *
   * @throws InferenceError `engine_failed` for a call without a name
   */
  end(finish: FinishReason): ToolCallDelta[] {
    if (finish === 'length') return []
    if (this.#calls.every(({ name }) => name !== '')) return this.#showNamed()
    throw new WrongShape('the engine sent a tool call without a name', 'tool_calls')
  }

  #add(sent: SentToolCall, isBesideOther: boolean, path: string): ToolCallDelta[] {
    const known = this.#callOf(sent, isBesideOther)
    if (known === undefined) return this.#begin(sent, path)
    if (known.name === '') known.name = sent.name
    if (known.sentId === '') known.sentId = sent.id
    // Some engines end a call with a record of the whole call.
    const isRepeated = sent.arguments === known.arguments && isWhole(known.arguments)
    const added = isRepeated ? '' : sent.arguments
    known.arguments += added
    if (known.shownAs === undefined) return this.#showBegun(known)
    return added === '' ? [] : [{ index: known.shownAs, function: { arguments: added } }]
  }

  #begin(sent: SentToolCall, path: string): ToolCallDelta[] {
    const { index, id, name, arguments: text } = sent
    if (id === '' && name === '') {
      throw new WrongShape(
        `the engine sent '${path}' as a part of a tool call that never began; expected an id or a name first`,
        path,
      )
    }
    const isTaken = this.#calls.some(({ sentId }) => sentId === id)
    const before = this.#showNamed()
    const call: Call = {
      place: this.#calls.length,
      shownAs: undefined,
      id: id === '' || isTaken ? `call_${randomBytes(12).toString('hex')}` : id,
      sentIndex: index,
      sentId: id,
      name,
      arguments: text,
      isBare: sent.isBare,
    }
    this.#calls.push(call)
    return [...before, ...this.#showBegun(call)]
  }

  /** Calls that are held back, except those without a name. */
  #showNamed(): ToolCallDelta[] {
    return this.#calls
      .filter(({ shownAs, name }) => shownAs === undefined && name !== '')
      .map((call) => this.#show(call))
  }

  /** A call, if its name is complete. */
  #showBegun(call: Call): ToolCallDelta[] {
    return call.name !== '' && call.arguments !== '' ? [this.#show(call)] : []
  }

  #show(call: Call): ToolCallDelta {
    call.shownAs = this.#shown++
    const { id, name, arguments: text } = call
    return { index: call.shownAs, id, type: 'function', function: { name, arguments: text } }
  }

  /** The call that a part belongs to; undefined for a new call. */
  #callOf(sent: SentToolCall, isBesideOther: boolean): Call | undefined {
    const { index, id, name } = sent
    if (index === undefined && isBesideOther && id === '' && name !== '') return undefined
    const byId =
      id === ''
        ? undefined
        : this.#calls.findLast(
            (call) =>
              call.sentId === id &&
              (index === undefined || call.sentIndex === index || name === ''),
          )
    if (byId !== undefined) return repeatsId(byId, sent) ? undefined : byId
    const last =
      index === undefined
        ? this.#calls.at(-1)
        : this.#calls.findLast((call) => (call.sentIndex ?? call.place) === index)
    if (last === undefined || name === '') return last
    if (last.name === '') return last
    // A repeated name is either a repetition within a call or the start of the next.
    if (name !== last.name) return undefined
    if (sent.isBare && last.isBare && last.arguments === '') return undefined
    if (id !== '' && last.sentId !== '' && last.arguments === '') return undefined
    return isWhole(last.arguments) && sent.arguments.trim() !== ''
      ? undefined
      : sameCall(last, sent)
  }
}

/** Whether a part is another call with the id of one that is whole: it has a name, and other whole arguments. */
function repeatsId(call: Call, { name, arguments: text }: SentToolCall): boolean {
  if (name === '' || call.name === '') return false
  return name !== call.name || (text !== call.arguments && isWhole(call.arguments) && isWhole(text))
}

/**
 * A new id after complete arguments starts the next call, and so does one whose part cannot continue them; otherwise
 * some engines send a new id with every part.
 */
function sameCall(last: Call, sent: SentToolCall): Call | undefined {
  const isOther = sent.id !== '' && last.sentId !== '' && sent.id !== last.sentId
  const isNext =
    isWhole(last.arguments) ||
    (expectsKey(last.arguments) && sent.arguments.trimStart().startsWith('{'))
  return isOther && isNext ? undefined : last
}

/** Whether an object was just opened, outside of any text: a key or its end must follow. */
function expectsKey(json: string): boolean {
  const withoutTexts = json.replace(/"(?:[^"\\]|\\.)*"/gs, '')
  return !withoutTexts.includes('"') && /\{\s*$/.test(withoutTexts)
}

function sentCallAt(value: unknown, path: string): SentToolCall {
  if (isAbsent(value)) throw wrongShape(path, value, 'an object')
  const call = recordAt(value, path)
  const { index, id, type, function: called } = call
  if (!isAbsent(type) && type !== 'function' && type !== '') {
    throw wrongShape(path, value, 'a tool call of type function')
  }
  const record = recordAt(called, `${path}.function`)
  const { name, index: inner } = record
  const named = ARGUMENTS.find((field) => !isAbsent(record[field])) ?? 'arguments'
  const sent = {
    index: countAt(index ?? inner, `${path}.index`),
    id: typeof id === 'number' ? String(id) : textAt(id, `${path}.id`),
    name: withoutMarks(textAt(name, `${path}.function.name`)),
    arguments: argumentsAt(record[named], `${path}.function.${named}`),
  }
  return {
    ...sent,
    isBare: sent.index === undefined && sent.id === '' && isAbsent(record[named]),
  }
}

/** Some engines leave gpt-oss' marks behind a name: `look<|channel|>commentary`. No name may have such characters. */
function withoutMarks(name: string): string {
  const at = name.indexOf('<|')
  return at < 0 ? name : name.slice(0, at)
}

/** OpenAI's name of the arguments; those of Llama 3's own calls, and of others, that some engines pass on. */
const ARGUMENTS = ['arguments', 'parameters', 'args', 'input'] as const

/** A string, as at OpenAI, or the parsed object, as at Ollama. */
function argumentsAt(value: unknown, path: string): string {
  if (isAbsent(value)) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'object' && !Array.isArray(value)) return JSON.stringify(value as Json)
  throw wrongShape(path, value, 'text or an object')
}

/** Whether arguments are complete: they are always an object. */
function isWhole(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object'
  } catch {
    return false
  }
}
