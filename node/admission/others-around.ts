/** A slot is kept for others so long after one of them found none free. */
export const OTHERS_AROUND_MS = 60_000

interface Asked {
  readonly name: string
  readonly atMs: number
}

/** When somebody else found no slot free: of all that did, the latest two suffice to know. */
export class OthersAround {
  #latest: Asked | undefined
  /** The latest of another name. */
  #other: Asked | undefined

  note(name: string, atMs: number): void {
    if (this.#latest !== undefined && this.#latest.name !== name) this.#other = this.#latest
    this.#latest = { name, atMs }
  }

  /** @returns milliseconds; −∞ where nobody else ever did */
  lastOtherThan(name: string): number {
    const asked = this.#latest?.name === name ? this.#other : this.#latest
    return asked?.atMs ?? Number.NEGATIVE_INFINITY
  }
}
