import type { ChatChunkChoice } from '../../protocol/index.ts'
import { type AnswerChunk, hasDelta, ToolCallAssembly } from '../request/index.ts'

type ChatAnswerChunk = Extract<AnswerChunk, { readonly kind: 'chat' }>

/**
 * Holds the tool calls of an answer back until it ends, and then shows each one whole: what broke off within a call can be
 * repaired unseen.
 */
export class HeldCalls {
  readonly #calls = new Map<number, ToolCallAssembly>()

  /** Whether a call is held back. */
  get holds(): boolean {
    return this.#calls.size > 0
  }

  /** What to show of a chunk: the chunk without its calls, or at the end of an answer, its calls before its finish reason. */
  pass(chunk: AnswerChunk): readonly AnswerChunk[] {
    if (chunk.kind !== 'chat') return [chunk]
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

  /** All calls held back, as far as they have arrived. */
  rest(): readonly AnswerChunk[] {
    return [...this.#calls.keys()].flatMap((index) => this.#release(index, true))
  }

  /** Forgets what is held back: the answer begins it anew. */
  drop(): void {
    this.#calls.clear()
  }

  #hold(choice: ChatChunkChoice): ChatChunkChoice {
    const { tool_calls: parts = [], ...delta } = choice.delta
    if (parts.length === 0) return choice
    const calls = this.#calls.get(choice.index) ?? new ToolCallAssembly()
    this.#calls.set(choice.index, calls)
    calls.add(parts)
    return { ...choice, delta }
  }

  /** One chunk for each call. */
  #release(index: number, isCut: boolean): ChatAnswerChunk[] {
    const calls = this.#calls.get(index)?.calls() ?? []
    this.#calls.delete(index)
    return calls.map(({ id, type, function: { name, arguments: text } }, at) => {
      // Some engines send nothing for a call without arguments.
      const called = { name, arguments: text.trim() === '' && !isCut ? '{}' : text }
      const delta = { tool_calls: [{ index: at, id, type, function: called }] }
      return { kind: 'chat', choices: [{ index, delta, finish_reason: null }] }
    })
  }
}
