import { createReadStream } from 'node:fs'
import * as lengthPrefixed from 'it-length-prefixed'
import { concat } from 'uint8arrays/concat'
import { LIMITS } from '../protocol/index.ts'
import { writeAtomic } from '../storage/index.ts'

/** Bytes of envelopes in the file; the rest is not kept. */
const MAX_CACHE_BYTES = 16 * 1024 * 1024

/**
 * Sealed advertisements in a file, in a format that any process may read while another writes: length-prefixed, the
 * signature of each being its proof. What is damaged ends the reading, not the host.
 *
 * @param limit envelopes to read
 */
export async function readAdvertisementCache(path: string, limit: number): Promise<Uint8Array[]> {
  const envelopes: Uint8Array[] = []
  try {
    const source = createReadStream(path, { end: MAX_CACHE_BYTES })
    const maxDataLength = LIMITS.maxAdvertisementBytes
    for await (const envelope of lengthPrefixed.decode(source, { maxDataLength })) {
      envelopes.push(envelope.slice())
      if (envelopes.length >= limit) break
    }
  } catch {
    // None yet, or cut short: what was read so far is good.
  }
  return envelopes
}

export async function writeAdvertisementCache(
  path: string,
  envelopes: readonly Uint8Array[],
): Promise<void> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for (const envelope of envelopes) {
    bytes += envelope.length + 4
    if (bytes > MAX_CACHE_BYTES) break
    parts.push(lengthPrefixed.encode.single(envelope).subarray())
  }
  await writeAtomic(path, concat(parts))
}
