import type { ChatChunkChoice } from '../../protocol/index.ts'
import { type AnswerChunk, hasDelta, ToolCallAssembly } from '../request/index.ts'

type ChatAnswerChunk = Extract<AnswerChunk, { readonly kind: 'chat' }>

/**
 * Holds the tool calls of an answer back until it ends, and then shows each one whole: what broke off within a call can be
 * repaired unseen. What follows a call is held too: an answer that goes on from shown text would lose the calls before it.
 */
export class HeldCalls {
  readonly #calls = new Map<number, ToolCallAssembly>()
  /** What came after the first call. */
  readonly #later = new Map<number, ChatChunkChoice[]>()

  /** Whether a call is held back. */
  get holds(): boolean {
    return this.#calls.size > 0
  }

  /** What to show of a chunk: the chunk without what is held; at the end of an answer, all of it before the finish reason. */
  pass(chunk: AnswerChunk): readonly AnswerChunk[] {
    if (chunk.kind !== 'chat' || !(this.holds || chunk.choices.some(hasCalls))) return [chunk]
    const choices = chunk.choices.map((choice) => this.#hold(choice))
    const ended = choices.filter(
      ({ index, finish_reason: finish }) => finish !== null && this.#calls.has(index),
    )
    if (ended.length === 0) return [{ ...chunk, choices }]
    const shown = choices.filter(hasDelta).map((choice) => ({ ...choice, finish_reason: null }))
    const ends = choices.map((choice) => ({ ...choice, delta: {}, logprobs: null }))
    return [
      ...(shown.length > 0 ? [{ ...chunk, choices: shown }] : []),
      ...ended.flatMap(({ index, finish_reason: finish }) =>
        this.#release(index, finish === 'length'),
      ),
      { ...chunk, choices: ends },
    ]
  }

  /** Everything held back, as far as it has arrived. */
  rest(): readonly AnswerChunk[] {
    return [...this.#calls.keys()].flatMap((index) => this.#release(index, true))
  }

  /** Forgets what is held back: the answer begins it anew. */
  drop(): void {
    this.#calls.clear()
    this.#later.clear()
  }

  #hold(choice: ChatChunkChoice): ChatChunkChoice {
    const { tool_calls: parts = [], ...delta } = choice.delta
    const begun = this.#calls.get(choice.index)
    if (parts.length > 0) {
      const calls = begun ?? new ToolCallAssembly()
      this.#calls.set(choice.index, calls)
      calls.add(parts)
    }
    const other = { ...choice, delta }
    if (begun === undefined || !hasDelta(other)) return other
    const later = this.#later.get(choice.index) ?? []
    this.#later.set(choice.index, later)
    later.push({ ...other, finish_reason: null })
    return { ...choice, delta: {}, logprobs: null }
  }

  /** One chunk for each call, and then what came after them. */
  #release(index: number, isCut: boolean): ChatAnswerChunk[] {
    const calls = this.#calls.get(index)?.calls() ?? []
    const later = this.#later.get(index) ?? []
    this.#calls.delete(index)
    this.#later.delete(index)
    const whole = calls.map(({ id, type, function: { name, arguments: text } }, at) => {
      // Some engines send nothing for a call without arguments.
      const called = { name, arguments: text.trim() === '' && !isCut ? '{}' : text }
      const delta = { tool_calls: [{ index: at, id, type, function: called }] }
      return { index, delta, finish_reason: null }
    })
    return [...whole, ...later].map((choice) => ({ kind: 'chat', choices: [choice] }))
  }
}

function hasCalls({ delta }: ChatChunkChoice): boolean {
  return delta.tool_calls !== undefined
}
