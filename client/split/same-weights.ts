import type { RouteCandidate } from '../request/index.ts'

/**
 * Restricts the parts of one call to one set of weights: vectors of different weights are not comparable. The set with the
 * most slots is chosen when the first part is placed, and kept.
 */
export class SameWeights {
  readonly #tried: ReadonlySet<string>
  readonly #seen = new Set<string>()
  #chosen: string | undefined

  /** @param tried sets that could not answer the whole call */
  constructor(tried: ReadonlySet<string>) {
    this.#tried = tried
  }

  /** Undefined until the first part is placed. */
  get chosen(): string | undefined {
    return this.#chosen
  }

  /** Whether some peers have weights that have not been tried. */
  get hasOthers(): boolean {
    return [...this.#seen].some((weights) => weights !== this.#chosen && !this.#tried.has(weights))
  }

  narrow<T extends RouteCandidate>(candidates: readonly T[]): readonly T[] {
    const slots = new Map<string, number>()
    for (const candidate of candidates) {
      const weights = weightsOf(candidate)
      this.#seen.add(weights)
      if (this.#tried.has(weights)) continue
      slots.set(weights, (slots.get(weights) ?? 0) + candidate.advertisement.slots)
    }
    this.#chosen ??= [...slots].sort(([, a], [, b]) => b - a)[0]?.[0]
    return candidates.filter((candidate) => weightsOf(candidate) === this.#chosen)
  }
}

/** Peers that advertise no digest are assumed to have equal weights under equal names. */
function weightsOf({ model }: RouteCandidate): string {
  return model.digest ?? model.id
}
