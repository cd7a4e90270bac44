import { InferenceError } from './errors.ts'
import { Tally } from './tally.ts'

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
  readonly #peers = new Tally()
  readonly #networks = new Tally()
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Opens a claim that holds nothing yet. */
  claim(holder: Holder): Claim {
    let held = 0
    let released = false
    return {
      grow: (bytes) => {
        if (released) return
        if (!this.#hasRoom(holder, held, bytes)) {
          throw new InferenceError('over_capacity', 'too many request bytes in memory', {
            retryAfterMs: RETRY_AFTER_MS,
          })
        }
        held += bytes
        this.#add(holder, bytes)
      },
      shrink: (bytes) => {
        if (released) return
        held -= bytes
        this.#add(holder, -bytes)
      },
      release: () => {
        if (!released) this.#add(holder, -held)
        released = true
      },
    }
  }

  #hasRoom({ peer, network }: Holder, held: number, bytes: number): boolean {
    const free = this.#maxBytes - this.#usedBytes - bytes
    if (held + bytes <= SMALL_CLAIM_BYTES) return free >= 0
    const shared = free - this.#maxBytes * KEPT_FOR_SMALL
    if (this.#usedBytes === held) return held + bytes <= shared
    return (
      this.#networks.of(network) + bytes <= shared && this.#peers.of(peer) + bytes <= shared / 2
    )
  }

  #add({ peer, network }: Holder, bytes: number): void {
    this.#usedBytes += bytes
    this.#peers.add(peer, bytes)
    this.#networks.add(network, bytes)
  }
}
