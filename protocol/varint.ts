/** Bytes that an unsigned integer takes as a varint. */
export function varintBytes(value: number): number {
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size += 1
  return size
}

/** Writes an unsigned integer as a varint. @returns where to go on */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  let to = at
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) {
    bytes[to] = (rest & 0x7f) | 0x80
    to += 1
  }
  bytes[to] = rest
  return to + 1
}
