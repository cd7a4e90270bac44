import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LlamaEmbeddingContext, LlamaModel, Token } from 'node-llama-cpp'
import { type EmbeddingRequest, embeddingInputs, type Prompt } from '../../protocol/index.ts'
import type { EmbeddingEvent } from './messages.ts'
import { tooLong } from './prompt.ts'

/** Embeds texts, one after the other, as unit vectors. The context for it is made at the first use. */
export class Embedder {
  readonly #model: LlamaModel
  readonly #contextLength: number
  readonly #threads: number
  readonly #checkIds: (ids: readonly number[], param: string) => Token[]
  #context: Promise<LlamaEmbeddingContext> | undefined

  constructor(
    model: LlamaModel,
    contextLength: number,
    threads: number,
    checkIds: (ids: readonly number[], param: string) => Token[],
  ) {
    this.#checkIds = checkIds
    this.#model = model
    this.#contextLength = contextLength
    this.#threads = threads
  }

  /**
   * An encoder reads a text in one pass, so cancelling waits for one input.
   *
   * @throws InferenceError `context_too_long` before anything is embedded; the signal's reason.
   * @returns the number of tokens read.
   */
  async *embed(
    { input }: EmbeddingRequest,
    signal: AbortSignal,
  ): AsyncGenerator<EmbeddingEvent, number, void> {
    this.#context ??= this.#create()
    const context = await this.#context
    const tokenized: Token[][] = []
    let total = 0
    for (const one of embeddingInputs(input)) {
      const tokens = this.#tokenize(one)
      const length = context.calculateInputLength(tokens)
      if (length >= this.#contextLength) throw tooLong(length, this.#contextLength)
      total += length
      tokenized.push(tokens)
      // Others have their turn: thousands of texts take seconds.
      await nextTurn()
      signal.throwIfAborted()
    }
    for (const [index, tokens] of tokenized.entries()) {
      signal.throwIfAborted()
      const { vector } = await context.getEmbeddingFor(tokens)
      yield { type: 'embedding', index, embedding: toUnitLength(vector) }
    }
    return total
  }

  #tokenize(input: Prompt): Token[] {
    if (typeof input !== 'string') return this.#checkIds(input, 'input')
    // Longer than any text that fits, so it is refused by its length whatever is cut off.
    return this.#model.tokenize(input.slice(0, this.#contextLength * 64), false)
  }

  #create(): Promise<LlamaEmbeddingContext> {
    return this.#model.createEmbeddingContext({
      contextSize: this.#contextLength,
      batchSize: this.#contextLength,
      threads: this.#threads,
    })
  }
}

function toUnitLength(vector: readonly number[]): readonly number[] {
  const length = Math.hypot(...vector)
  return length === 0 ? vector : vector.map((value) => value / length)
}
