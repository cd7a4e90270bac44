import type { ToolCall, ToolCallDelta } from '../../protocol/index.ts'

/** Assembles tool calls from the deltas of a stream. */
export class ToolCallAssembly {
  readonly #calls = new Map<number, { id: string; name: string; arguments: string[] }>()

  add(deltas: readonly ToolCallDelta[]): void {
    for (const delta of deltas) {
      const call = this.#calls.get(delta.index) ?? { id: '', name: '', arguments: [] }
      this.#calls.set(delta.index, call)
      // Id and name are never split; some engines repeat them.
      if (call.id === '') call.id = delta.id ?? ''
      if (call.name === '') call.name = delta.function?.name ?? ''
      call.arguments.push(delta.function?.arguments ?? '')
    }
  }

  /** In order of index. */
  calls(): readonly ToolCall[] {
    return [...this.#calls]
      .sort(([a], [b]) => a - b)
      .map(([index, call]) => ({
        id: call.id === '' ? `call_${index}` : call.id,
        type: 'function',
        function: { name: call.name, arguments: call.arguments.join('') },
      }))
  }
}
