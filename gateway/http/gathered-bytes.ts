const FIRST_BYTES = 4_096

/**
 * Bytes that arrive in pieces, in one buffer that grows as they do. Pieces are copied, not kept: one of a single byte
 * would keep alive what the socket read with it, 64 KiB, and an object of its own. What is outgrown, or released, is free
 * at once, and not at the next collection.
 */
export class GatheredBytes {
  readonly #expected: number | undefined
  #buffer = new ArrayBuffer(0)
  #length = 0

  /** @param expected number of bytes in all, where it is known. Memory is taken as they arrive, never before. */
  constructor(expected?: number) {
    this.#expected = expected
  }

  add(piece: Uint8Array): void {
    this.#makeRoom(this.#length + piece.length)
    new Uint8Array(this.#buffer).set(piece, this.#length)
    this.#length += piece.length
  }

  /** All bytes so far: a view, valid until the next piece. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer, 0, this.#length)
  }

  #makeRoom(needed: number): void {
    const room = this.#buffer.byteLength
    if (needed <= room) return
    const doubled = Math.max(FIRST_BYTES, 2 * room)
    this.#buffer = this.#buffer.transfer(
      Math.max(needed, Math.min(doubled, this.#expected ?? doubled)),
    )
  }
}

/** Frees the memory of bytes that are read no more: every view of them is empty afterwards. */
export function freeBytes({ buffer }: Uint8Array<ArrayBuffer>): void {
  buffer.transfer(0)
}
