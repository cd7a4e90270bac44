/**
 * A 32-bit hash for placement: FNV-1a over the text's UTF-16 units (draft-eastlake-fnv, 32-bit offset and prime), then
 * the finalizer of MurmurHash3, which mixes the low bits that FNV mixes poorly. It need not be secure: its values never
 * leave the client.
 */
export function hashText(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193)
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193)
  }
  return spread(hash)
}

/** A bijection of 32 bits: each input bit flips about half of the output bits (MurmurHash3 fmix32). */
export function spread(value: number): number {
  let mixed = value
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
