import { createReadStream } from 'node:fs'
import * as lengthPrefixed from 'it-length-prefixed'
import { concat } from 'uint8arrays/concat'
import { LIMITS } from '../protocol/index.ts'
import { codeOf, reportDamage, writeAtomic } from '../storage/index.ts'
import type { Acquaintance } from './acquaintance.ts'
import type { KeptAdvertisement } from './advertisement-book.ts'

/** Most bytes of envelopes in the file; the rest is not stored. */
const MAX_CACHE_BYTES = 16 * 1024 * 1024

/** First byte of each entry. An envelope begins with another one, so that files without it are read as hearsay. */
const MARKS = { heard: 1, met: 2, answered: 3 } as const satisfies Record<Acquaintance, number>

/**
 * Sealed advertisements in a file, in a format that any process may read while another writes: length-prefixed, each
 * a byte for how the peer is known, then the envelope, whose signature is its proof. Reading stops at damaged data:
 * the file is set aside, and the entries before the damage are used.
 *
 * @param limit advertisements to read
 * @param onFault receives a message for the operator; absent if the file belongs to another process
 */
export async function readAdvertisementCache(
  path: string,
  limit: number,
  onFault?: (message: string) => void,
): Promise<KeptAdvertisement[]> {
  const kept: KeptAdvertisement[] = []
  try {
    const source = createReadStream(path, { end: MAX_CACHE_BYTES })
    const maxDataLength = LIMITS.maxAdvertisementBytes + 1
    for await (const entry of lengthPrefixed.decode(source, { maxDataLength })) {
      kept.push(readEntry(entry.slice()))
      if (kept.length >= limit) break
    }
  } catch (error) {
    const isMissing = codeOf(error) === 'ENOENT'
    const consequence = 'peers are found again'
    if (!isMissing && onFault !== undefined) await reportDamage(path, { consequence, onFault })
  }
  return kept
}

export async function writeAdvertisementCache(
  path: string,
  kept: readonly KeptAdvertisement[],
): Promise<void> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for (const { envelope, acquaintance } of kept) {
    bytes += envelope.length + 5
    if (bytes > MAX_CACHE_BYTES) break
    const entry = concat([Uint8Array.of(MARKS[acquaintance]), envelope])
    parts.push(lengthPrefixed.encode.single(entry).subarray())
  }
  await writeAtomic(path, concat(parts))
}

function readEntry(entry: Uint8Array): KeptAdvertisement {
  const names = Object.keys(MARKS) as Acquaintance[]
  const acquaintance = names.find((name) => MARKS[name] === entry[0])
  if (acquaintance === undefined) return { envelope: entry, acquaintance: 'heard' }
  return { envelope: entry.subarray(1), acquaintance }
}
