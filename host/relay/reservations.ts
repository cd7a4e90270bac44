export interface ReservationsInit {
  readonly maxReservations: number
  readonly maxPerNetwork: number
  readonly ttlMs: number
}

interface Held {
  /** Undefined on a LAN, where all are neighbours. */
  readonly network: string | undefined
  readonly expiresAtMs: number
}

/** Reservations at a relay, bounded by network: identities cost nothing, addresses do. */
export class Reservations {
  readonly #init: ReservationsInit
  readonly #held = new Map<string, Held>()

  constructor(init: ReservationsInit) {
    this.#init = init
  }

  /**
   * Makes or renews a reservation.
   *
   * @returns when it expires; `undefined` if the relay, or the peer's network, is at its bound.
   */
  reserve(peer: string, network: string | undefined, nowMs: number): number | undefined {
    this.#dropExpired(nowMs)
    const others = [...this.#held].filter(([other]) => other !== peer).map(([, held]) => held)
    const neighbours = others.filter((held) => held.network === network).length
    if (others.length >= this.#init.maxReservations) return undefined
    if (network !== undefined && neighbours >= this.#init.maxPerNetwork) return undefined
    const expiresAtMs = nowMs + this.#init.ttlMs
    this.#held.set(peer, { network, expiresAtMs })
    return expiresAtMs
  }

  has(peer: string, nowMs: number): boolean {
    const held = this.#held.get(peer)
    return held !== undefined && held.expiresAtMs > nowMs
  }

  release(peer: string): void {
    this.#held.delete(peer)
  }

  clear(): void {
    this.#held.clear()
  }

  count(nowMs: number): number {
    this.#dropExpired(nowMs)
    return this.#held.size
  }

  #dropExpired(nowMs: number): void {
    for (const [peer, { expiresAtMs }] of this.#held) {
      if (expiresAtMs <= nowMs) this.#held.delete(peer)
    }
  }
}
