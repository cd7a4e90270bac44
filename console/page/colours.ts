/** Colours that are told apart in both themes. */
const COUNT = 8

/** A colour for each peer, by the order in which peers are first seen; this machine has the first. */
export class PeerColours {
  readonly #order = new Map<string, number>()

  /** The class that sets `--peer`. */
  classOf(peerId: string): string {
    let index = this.#order.get(peerId)
    if (index === undefined) {
      index = this.#order.size
      this.#order.set(peerId, index)
    }
    return `peer-${index % COUNT}`
  }
}

export const colours: PeerColours = new PeerColours()
