import type { FileHandle } from 'node:fs/promises'

const CHUNK_BYTES = 262_144

/** Thrown when a file is shorter than its header claims. */
export class TruncatedFile extends Error {}

/**
 * Reads a file front to back through one small buffer. Lengths that a file claims are checked against its size
 * before anything is read or allocated for them.
 */
export class ByteReader {
  readonly #file: FileHandle
  readonly #fileBytes: number
  #buffer: Buffer = Buffer.alloc(0)
  /** Place of `#buffer` in the file. */
  #base = 0
  #at = 0

  constructor(file: FileHandle, fileBytes: number) {
    this.#file = file
    this.#fileBytes = fileBytes
  }

  /** Place in the file of the next byte read. */
  get position(): number {
    return this.#base + this.#at
  }

  get remaining(): number {
    return this.#fileBytes - this.position
  }

  /** Bytes that can be read without waiting for the disk. */
  get buffered(): number {
    return this.#buffer.length - this.#at
  }

  /** Buffers at least `count` bytes. */
  async need(count: number): Promise<void> {
    if (count > this.remaining)
      throw new TruncatedFile(`it ends before byte ${this.position + count}`)
    if (this.buffered >= count) return
    const position = this.position
    const wanted = Math.min(Math.max(count, CHUNK_BYTES), this.remaining)
    const buffer = Buffer.allocUnsafe(wanted)
    let filled = 0
    while (filled < wanted) {
      const { bytesRead } = await this.#file.read(
        buffer,
        filled,
        wanted - filled,
        position + filled,
      )
      if (bytesRead === 0) throw new TruncatedFile('it became shorter while it was read')
      filled += bytesRead
    }
    this.#buffer = buffer
    this.#base = position
    this.#at = 0
  }

  /** The next `count` buffered bytes; `need` comes first. Valid until the next `need`. */
  take(count: number): Buffer {
    const bytes = this.#buffer.subarray(this.#at, this.#at + count)
    this.#at += count
    return bytes
  }

  /** Skips `count` bytes without reading those that are not buffered yet. */
  skip(count: number): void {
    if (count > this.remaining)
      throw new TruncatedFile(`it ends before byte ${this.position + count}`)
    if (count <= this.buffered) {
      this.#at += count
      return
    }
    this.#base = this.position + count
    this.#buffer = Buffer.alloc(0)
    this.#at = 0
  }
}
