/** Text that may be shown, and whether a stop string ended the answer. */
export interface Released {
  readonly text: string
  readonly stopped: boolean
  /** The stop string that matched; the longest of those that begin at the same place. */
  readonly stop?: string
}

/** Finds stop strings in a stream of text, holding back possible beginnings. */
export class StopMatcher {
  readonly #stops: readonly string[]
  #held = ''

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '')
  }

  push(text: string): Released {
    const seen = this.#held + text
    const [hit] = this.#stops
      .map((stop) => ({ stop, at: seen.indexOf(stop) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at || b.stop.length - a.stop.length)
    if (hit !== undefined) {
      this.#held = ''
      return { text: seen.slice(0, hit.at), stopped: true, stop: hit.stop }
    }
    const keep = Math.max(0, ...this.#stops.map((stop) => overlap(seen, stop)))
    this.#held = seen.slice(seen.length - keep)
    return { text: seen.slice(0, seen.length - keep), stopped: false }
  }

  get isHolding(): boolean {
    return this.#held !== ''
  }

  /** The text held back, when the answer ended for another reason. */
  flush(): string {
    const rest = this.#held
    this.#held = ''
    return rest
  }
}

/** Length of the longest suffix of `text` that is a prefix of `mark`, but not all of it. */
export function overlap(text: string, mark: string): number {
  for (let length = Math.min(text.length, mark.length - 1); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length
  }
  return 0
}
