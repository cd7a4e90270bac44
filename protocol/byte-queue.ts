import { allocUnsafe } from 'uint8arrays/alloc'

/** Bytes in the order in which they came, taken from the front. What came in one part is not copied. */
export class ByteQueue {
  #parts: Uint8Array[] = []
  /** Bytes of the first part that are taken already. */
  #taken = 0
  #byteLength = 0

  get byteLength(): number {
    return this.#byteLength
  }

  push(part: Uint8Array): void {
    if (part.byteLength === 0) return
    this.#parts.push(part)
    this.#byteLength += part.byteLength
  }

  /** @returns undefined beyond the end */
  at(index: number): number | undefined {
    let at = this.#taken + index
    for (const part of this.#parts) {
      if (at < part.byteLength) return part[at]
      at -= part.byteLength
    }
    return undefined
  }

  /** Removes that many bytes, which there have to be. */
  skip(count: number): void {
    this.#byteLength -= count
    this.#taken += count
    let over = 0
    for (const { byteLength } of this.#parts) {
      if (this.#taken < byteLength) break
      this.#taken -= byteLength
      over += 1
    }
    if (over > 0) this.#parts.splice(0, over)
  }

  /** Removes that many bytes, which there have to be, and returns them. */
  take(count: number): Uint8Array {
    const [first] = this.#parts
    const start = this.#taken
    const bytes =
      first !== undefined && start + count <= first.byteLength
        ? first.subarray(start, start + count)
        : this.#joined(count)
    this.skip(count)
    return bytes
  }

  #joined(count: number): Uint8Array {
    const bytes = allocUnsafe(count)
    let from = this.#taken
    let to = 0
    for (const part of this.#parts) {
      if (to === count) break
      const piece = part.subarray(from, from + count - to)
      bytes.set(piece, to)
      to += piece.byteLength
      from = 0
    }
    return bytes
  }
}
