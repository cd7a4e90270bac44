import { InferenceError } from './errors.ts'

/** A shortage of memory lasts about as long as an upload. */
const RETRY_AFTER_MS = 1_000
/** Claims up to this size may use the whole budget, whatever else their peer and network hold. */
export const SMALL_CLAIM_BYTES = 65_536
/** Share of the budget reserved for small claims. */
const KEPT_FOR_SMALL = 0.25

/** Who holds memory. */
export interface Holder {
  readonly peer: string
  /** Identities are free, networks are not: all peers of a network share one limit. */
  readonly network: string
}

/** Memory held for one request. */
export interface Claim {
  /**
   * Takes more as bytes arrive: an announced size takes nothing.
   *
   * @throws InferenceError `over_capacity`; bytes held before stay held
   */
  grow(bytes: number): void
  /** Returns a part, which is not larger than what is held. */
  shrink(bytes: number): void
  /** Releases everything; idempotent. */
  release(): void
}

/**
 * Bytes of requests held in memory, shared by dynamic thresholds (Choudhury and Hahne, 1998): a network may hold as
 * much as is left free, a peer half of that. A single peer gets at most a third of the budget, and some memory stays
 * free however many peers hold some. One claim alone gets as much as a network, so that whatever is within the bounds on a
 * request can be served.
 */
export class ByteBudget {
  readonly #maxBytes: number
  readonly #holders = new Map<string, number>()
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Opens a claim that holds nothing yet. */
  claim({ peer, network }: Holder): Claim {
    const names = [`network ${network}`, `peer ${peer}`] as const
    let held = 0
    let released = false
    return {
      grow: (bytes) => {
        if (released) return
        if (!this.#hasRoom(names, held, bytes)) {
          throw new InferenceError('over_capacity', 'too many request bytes in memory', {
            retryAfterMs: RETRY_AFTER_MS,
          })
        }
        held += bytes
        this.#add(names, bytes)
      },
      shrink: (bytes) => {
        if (released) return
        held -= bytes
        this.#add(names, -bytes)
      },
      release: () => {
        if (!released) this.#add(names, -held)
        released = true
      },
    }
  }

  #hasRoom([network, peer]: readonly [string, string], held: number, bytes: number): boolean {
    const free = this.#maxBytes - this.#usedBytes - bytes
    if (held + bytes <= SMALL_CLAIM_BYTES) return free >= 0
    const shared = free - this.#maxBytes * KEPT_FOR_SMALL
    if (this.#usedBytes === held) return held + bytes <= shared
    return this.#heldBy(network) + bytes <= shared && this.#heldBy(peer) + bytes <= shared / 2
  }

  #heldBy(name: string): number {
    return this.#holders.get(name) ?? 0
  }

  #add(names: readonly string[], bytes: number): void {
    this.#usedBytes += bytes
    for (const name of names) {
      const held = this.#heldBy(name) + bytes
      if (held > 0) this.#holders.set(name, held)
      else this.#holders.delete(name)
    }
  }
}
