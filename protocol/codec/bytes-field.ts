import { varintBytes, writeVarint } from '../varint.ts'

/** Bytes of a field with a length; an empty one is left out. */
export function fieldBytes(length: number): number {
  return length === 0 ? 0 : 1 + varintBytes(length) + length
}

/** Writes a tag and the number after it: a value, or a length. @returns where to go on */
export function begin(bytes: Uint8Array, at: number, tag: number, value: number): number {
  bytes[at] = tag
  return writeVarint(bytes, at + 1, value)
}

/** Writes a field of bytes, unless it is empty. @returns where to go on */
export function writeField(bytes: Uint8Array, at: number, tag: number, data: Uint8Array): number {
  if (data.length === 0) return at
  const from = begin(bytes, at, tag, data.length)
  bytes.set(data, from)
  return from + data.length
}
