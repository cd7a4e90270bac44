import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { InferenceError } from '../protocol/index.ts'

const READ_BYTES = 1_048_576

/**
 * A sha256 over weights and their metadata. Numbers are unsigned 64-bit little-endian, names are preceded by their
 * length in bytes, so that no two models give the same bytes to it.
 */
export class WeightsHash {
  readonly #hash = createHash('sha256')

  /** @param domain keeps digests of different formats apart */
  constructor(domain: string) {
    this.#hash.update(`${domain}\0`, 'latin1')
  }

  number(...values: readonly number[]): this {
    for (const value of values) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64LE(BigInt(value))
      this.#hash.update(bytes)
    }
    return this
  }

  name(name: string): this {
    const bytes = Buffer.from(name)
    this.number(bytes.length)
    this.#hash.update(bytes)
    return this
  }

  /** @throws InferenceError `invalid_request` if the file has become shorter; the signal's reason */
  async range(
    file: FileHandle,
    offset: number,
    bytes: number,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(bytes, READ_BYTES))
    for (let done = 0; done < bytes; ) {
      options.signal?.throwIfAborted()
      const wanted = Math.min(buffer.length, bytes - done)
      const { bytesRead } = await file.read(buffer, 0, wanted, offset + done)
      if (bytesRead === 0) {
        throw new InferenceError(
          'invalid_request',
          'the model file became shorter while it was read',
        )
      }
      this.#hash.update(buffer.subarray(0, bytesRead))
      done += bytesRead
    }
  }

  /** `sha256:` and 64 hex digits. */
  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`
  }
}

/** Sorted by the bytes of their names, the same on every machine. */
export function sortedByBytes<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, bytes: Buffer.from(nameOf(item)) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ item }) => item)
}
