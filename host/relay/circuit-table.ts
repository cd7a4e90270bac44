import { Tally } from '../../protocol/index.ts'

export interface CircuitTableInit {
  readonly maxCircuits: number
  /** Opened by one peer. */
  readonly maxCircuitsPerPeer: number
  /** Opened by all peers of one public network. */
  readonly maxCircuitsPerNetwork: number
  /** Leading to one peer. */
  readonly maxCircuitsToPeer: number
  /** Leading to one peer, and opened by peers of one public network. */
  readonly maxCircuitsToPeerPerNetwork: number
}

/** A circuit as its relay sees it. */
export interface CircuitEnds {
  readonly from: string
  readonly to: string
  /** Public network of the peer that opens it: identities cost nothing, addresses do. Absent on a LAN. */
  readonly network?: string | undefined
}

/** Counts open circuits against the bounds of each peer and network. */
export class CircuitTable {
  readonly #init: CircuitTableInit
  /** By what is bounded: a peer that opens them, a network, and so on. */
  readonly #counts = new Tally()
  #size = 0

  constructor(init: CircuitTableInit) {
    this.#init = init
  }

  get size(): number {
    return this.#size
  }

  /** @returns a function that releases the circuit; `undefined` beyond a bound. */
  enter(ends: CircuitEnds): (() => void) | undefined {
    if (this.#size >= this.#init.maxCircuits) return undefined
    const bounds = this.#boundsOf(ends)
    if (bounds.some(([key, most]) => this.#counts.of(key) >= most)) return undefined
    const add = (by: 1 | -1): void => {
      this.#size += by
      for (const [key] of bounds) this.#counts.add(key, by)
    }
    add(1)
    let left = false
    return () => {
      if (left) return
      left = true
      add(-1)
    }
  }

  #boundsOf({ from, to, network }: CircuitEnds): readonly (readonly [key: string, most: number])[] {
    const init = this.#init
    const peers = [
      [`from ${from}`, init.maxCircuitsPerPeer],
      [`to ${to}`, init.maxCircuitsToPeer],
    ] as const
    if (network === undefined) return peers
    return [
      ...peers,
      [`from network ${network}`, init.maxCircuitsPerNetwork],
      [`to ${to} from network ${network}`, init.maxCircuitsToPeerPerNetwork],
    ]
  }
}
