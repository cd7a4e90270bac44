const FIRST_BYTES = 4_096

/**
 * Bytes that arrive in pieces, in one buffer that grows as they do. Pieces are copied, not kept: one of a single byte
 * would keep alive what the socket read with it, 64 KiB, and an object of its own.
 */
export class GatheredBytes {
  readonly #expected: number | undefined
  #buffer: Buffer = Buffer.alloc(0)
  #length = 0

  /** @param expected number of bytes in all, where it is known. Memory is taken as they arrive, never before. */
  constructor(expected?: number) {
    this.#expected = expected
  }

  get length(): number {
    return this.#length
  }

  add(piece: Uint8Array): void {
    this.#makeRoom(this.#length + piece.length)
    this.#buffer.set(piece, this.#length)
    this.#length += piece.length
  }

  /** All bytes so far: a view, valid until the next piece. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #makeRoom(needed: number): void {
    if (needed <= this.#buffer.length) return
    const doubled = Math.max(FIRST_BYTES, 2 * this.#buffer.length)
    const room = Math.max(needed, Math.min(doubled, this.#expected ?? doubled))
    const larger = Buffer.allocUnsafeSlow(room)
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}
