export interface CircuitTableInit {
  readonly maxCircuits: number
  /** Opened by one peer. */
  readonly maxCircuitsPerPeer: number
  /** Leading to one peer. */
  readonly maxCircuitsToPeer: number
}

/** Counts open circuits against the bound of each peer. */
export class CircuitTable {
  readonly #init: CircuitTableInit
  readonly #from = new Map<string, number>()
  readonly #to = new Map<string, number>()
  #size = 0

  constructor(init: CircuitTableInit) {
    this.#init = init
  }

  get size(): number {
    return this.#size
  }

  /** @returns a function that releases the circuit; `undefined` beyond a bound. */
  enter(ends: { readonly from: string; readonly to: string }): (() => void) | undefined {
    const { maxCircuits, maxCircuitsPerPeer, maxCircuitsToPeer } = this.#init
    if (this.#size >= maxCircuits) return undefined
    if ((this.#from.get(ends.from) ?? 0) >= maxCircuitsPerPeer) return undefined
    if ((this.#to.get(ends.to) ?? 0) >= maxCircuitsToPeer) return undefined
    this.#size += 1
    add(this.#from, ends.from, 1)
    add(this.#to, ends.to, 1)
    let left = false
    return () => {
      if (left) return
      left = true
      this.#size -= 1
      add(this.#from, ends.from, -1)
      add(this.#to, ends.to, -1)
    }
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
