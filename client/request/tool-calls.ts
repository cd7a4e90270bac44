import type { ToolCall, ToolCallDelta } from '../../protocol/index.ts'
/** Puts tool calls together from the pieces that a stream gives of them. */
export class ToolCallAssembly {
  readonly #calls = new Map<number, { id: string; name: string; arguments: string[] }>()

  add(deltas: readonly ToolCallDelta[]): void {
    for (const delta of deltas) {
      const call = this.#calls.get(delta.index) ?? { id: '', name: '', arguments: [] }
      this.#calls.set(delta.index, call)
      // Id and name come whole, once; some engines repeat them.
      if (call.id === '') call.id = delta.id ?? ''
      if (call.name === '') call.name = delta.function?.name ?? ''
      call.arguments.push(delta.function?.arguments ?? '')
    }
  }

  /** In the order of their indexes. */
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
