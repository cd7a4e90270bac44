import type { Dialect } from '../../testing/chaos/dialects/dialects.ts'
import { SHAPES, type Shape } from '../../testing/chaos/dialects/question.ts'

/** What came of one answer that lost its node: the undisturbed one, a typed error, or, as text, what is wrong. */
export type Outcome = 'same' | Error | (string & {})

export interface Broken {
  readonly shape: Shape
  /** Dialect, and where it was broken. */
  readonly name: string
  readonly outcome: Outcome
  readonly seams: readonly string[]
}

/** Outcomes by shape. */
export class Tally {
  readonly #broken: Broken[] = []
  readonly #notes: string[] = []

  add(broken: Broken): void {
    this.#broken.push(broken)
    const { shape, name, outcome, seams } = broken
    console.error(`${shape}, ${name}: ${String(outcome)} (${seams.join(', ')})`)
  }

  skip(shape: Shape, dialect: Dialect, why: string): void {
    this.note(`${shape}, ${dialect}: not tried: ${why}`)
  }

  note(text: string): void {
    console.error(text)
    this.#notes.push(text)
  }

  rows(): Record<string, string | number>[] {
    const shapes = SHAPES.map((shape) => ({
      shape,
      all: this.#broken.filter((broken) => broken.shape === shape),
    }))
    return [...shapes, { shape: 'all', all: this.#broken }]
      .filter(({ all }) => all.length > 0)
      .map(({ shape, all }) => {
        const same = all.filter(({ outcome }) => outcome === 'same').length
        const failed = all.filter(({ outcome }) => outcome instanceof Error).length
        return {
          shape,
          broken: all.length,
          'went on': same,
          'typed error': failed,
          wrong: all.length - same - failed,
          'went on %': Math.round((1000 * same) / all.length) / 10,
          seams: countsOf(all.flatMap(({ seams }) => seams)),
        }
      })
  }

  /** Every answer that did not go on, and what was not tried. */
  notes(): string[] {
    const failures = this.#broken.filter(({ outcome }) => outcome !== 'same')
    const told = failures.map(({ shape, name, outcome }) => `${shape}, ${name}: ${String(outcome)}`)
    return [...told, ...this.#notes]
  }
}

function countsOf(names: readonly string[]): string {
  const counts = Map.groupBy(names, (name) => name)
  return [...counts].map(([name, all]) => `${all.length} ${name}`).join(', ')
}
