import type { RouteCandidate } from '../request/index.ts'
/**
 * Keeps the parts of one call at one set of weights: the vectors of others lie in another space. The set that most
 * slots offer is taken when the first part is placed, and kept.
 */
export class SameWeights {
  readonly #tried: ReadonlySet<string>
  readonly #seen = new Set<string>()
  #chosen: string | undefined

  /** @param tried sets that did not answer the whole of it */
  constructor(tried: ReadonlySet<string>) {
    this.#tried = tried
  }

  /** Absent before the first part was placed. */
  get chosen(): string | undefined {
    return this.#chosen
  }

  /** Whether there are peers with weights that were not tried. */
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

/** Peers that do not say what they have are taken to have the same under the same name. */
function weightsOf({ model }: RouteCandidate): string {
  return model.digest ?? model.id
}
