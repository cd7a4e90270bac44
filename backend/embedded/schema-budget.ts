import { InferenceError } from '../../protocol/index.ts'

/** Limits of a grammar. Its cost per token grows with the number of literals that may match. */
export const SCHEMA_BOUNDS = {
  /** Parts of a schema, references inlined. */
  nodes: 1_000,
  /** Values of `enum` and `const`, and variants of `oneOf`, over the whole schema. */
  alternatives: 256,
  /** Characters of literals and of names of properties. */
  characters: 16_384,
} as const

/** Counts what a schema would cost before a grammar is built of it. */
export class SchemaBudget {
  readonly #spent = { nodes: 0, alternatives: 0, characters: 0 }

  node(): void {
    this.#spend('nodes', 1, 'parts')
  }

  alternatives(count: number): void {
    this.#spend('alternatives', count, 'constants and variants')
  }

  text(text: string): void {
    this.#spend('characters', text.length, 'characters in names and constants')
  }

  #spend(what: keyof typeof SCHEMA_BOUNDS, count: number, name: string): void {
    this.#spent[what] += count
    const most = SCHEMA_BOUNDS[what]
    if (this.#spent[what] > most) throw unavailable(`schemas of more than ${most} ${name}`)
  }
}

export function unavailable(what: string): InferenceError {
  return new InferenceError('capability_unavailable', `this engine cannot enforce ${what}`, {
    details: { param: 'response_format' },
  })
}
