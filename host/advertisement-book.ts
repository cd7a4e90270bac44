import { createHash } from 'node:crypto'
import type { PeerId } from '@libp2p/interface'
import { type Advertisement, isExpired, openAdvertisement } from '../protocol/index.ts'
import { type BookEntryTraits, chooseEviction } from './book-eviction.ts'
import type { AdvertisementBook } from './host.ts'

export interface BookInit {
  /** This host; its own advertisements are not kept. */
  readonly self: PeerId
  readonly now: () => number
  /** Advertisements kept. @default 1024: some 2 MB, and a client that knows so many peers needs no more */
  readonly maxEntries?: number
  /** Advertisements of others kept from any one peer. @default 256: no single peer fills the book */
  readonly maxPerSource?: number
}

interface Entry extends BookEntryTraits {
  readonly advertisement: Advertisement
  readonly envelope: Uint8Array
  readonly fingerprint: string
  /** Who told us, as text; the signer itself if `direct`. */
  readonly source: string
}

export interface TakeOptions {
  readonly expectedSigner?: PeerId
  /** The peer at the other end of the connection it came over. */
  readonly source?: PeerId
  /** Expired ones are taken in too where they come from our own cache: hints whom to dial. */
  readonly keepExpired?: boolean
}

/** The book with what only the host may do to it. */
export interface OwnedBook extends AdvertisementBook {
  /** Like `add`, knowing where it came from. */
  take(envelope: Uint8Array, options?: TakeOptions): Promise<Advertisement>
  /** Sealed, of peers other than `except`, not expired and not withdrawn: what may be passed on. */
  fresh(except: PeerId): readonly Uint8Array[]
  /** Sealed, everything, for the cache. */
  envelopes(): readonly Uint8Array[]
}

export function createAdvertisementBook(init: BookInit): OwnedBook {
  const maxEntries = init.maxEntries ?? 1_024
  const maxPerSource = init.maxPerSource ?? 256
  const entries = new Map<string, Entry>()
  const byFingerprint = new Map<string, Entry>()
  const listeners = new Set<(advertisement: Advertisement) => void>()

  const remove = (key: string): void => {
    const entry = entries.get(key)
    if (entry !== undefined) byFingerprint.delete(entry.fingerprint)
    entries.delete(key)
  }

  const hasRoomFor = (source: string): boolean => {
    let told = 0
    for (const entry of entries.values()) if (!entry.direct && entry.source === source) told += 1
    return told < maxPerSource
  }

  const take = async (envelope: Uint8Array, options: TakeOptions = {}): Promise<Advertisement> => {
    const fingerprint = createHash('sha256').update(envelope).digest('base64')
    const same = byFingerprint.get(fingerprint)
    // Verified before, bit by bit the same: in a busy swarm nearly all are.
    if (same !== undefined && (options.expectedSigner?.equals(same.advertisement.peerId) ?? true)) {
      return same.advertisement
    }
    const nowMs = init.now()
    const advertisement = await openAdvertisement(envelope, {
      nowMs,
      ...(options.expectedSigner !== undefined && { expectedSigner: options.expectedSigner }),
    })
    if (advertisement.peerId.equals(init.self)) return advertisement
    const key = advertisement.peerId.toString()
    const known = entries.get(key)
    if (known !== undefined && known.advertisement.sequence >= advertisement.sequence) {
      return known.advertisement
    }
    if (isExpired(advertisement, nowMs) && (known !== undefined || options.keepExpired !== true)) {
      return known?.advertisement ?? advertisement
    }
    const direct = options.source === undefined || advertisement.peerId.equals(options.source)
    const source = options.source?.toString() ?? key
    if (known === undefined && !direct && !hasRoomFor(source)) return advertisement

    const entry: Entry = {
      advertisement,
      envelope,
      fingerprint,
      source,
      direct: direct || known?.direct === true,
      expiresAtMs: advertisement.expiresAtMs,
    }
    remove(key)
    entries.set(key, entry)
    byFingerprint.set(fingerprint, entry)
    if (entries.size > maxEntries) {
      const evicted = chooseEviction(entries, nowMs)
      if (evicted !== undefined) remove(evicted)
    }
    for (const listener of listeners) listener(advertisement)
    return advertisement
  }

  return {
    get: (peer) => entries.get(peer.toString())?.advertisement,
    all: () => [...entries.values()].map(({ advertisement }) => advertisement),
    add: (envelope, expectedSigner) =>
      take(envelope, expectedSigner === undefined ? {} : { expectedSigner }),
    take,
    onUpdate: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    fresh: (except) => {
      const nowMs = init.now()
      return [...entries.values()]
        .filter(({ advertisement }) => {
          const { models, peerId } = advertisement
          return models.length > 0 && !isExpired(advertisement, nowMs) && !peerId.equals(except)
        })
        .map(({ envelope }) => envelope)
    },
    envelopes: () => [...entries.values()].map(({ envelope }) => envelope),
  }
}
