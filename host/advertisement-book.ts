import { createHash } from 'node:crypto'
import type { PeerId } from '@libp2p/interface'
import {
  type Advertisement,
  InferenceError,
  isExpired,
  openAdvertisement,
} from '../protocol/index.ts'
import { type Acquaintance, closer, compareAcquaintance } from './acquaintance.ts'
import { type BookEntryTraits, chooseEviction } from './book-eviction.ts'
import type { AdvertisementBook } from './host.ts'

export interface BookInit {
  /** This host; its own advertisements are not kept. */
  readonly self: PeerId
  readonly now: () => number
  /** Advertisements kept. @default 1024: some 2 MB, and a client that knows so many peers needs no more */
  readonly maxEntries?: number
  /** Advertisements of others kept from any one peer. @default 256: so that no single peer fills the book */
  readonly maxPerSource?: number
  /** Whether a peer may advertise. @default any peer */
  readonly mayAdvertise?: (peer: PeerId) => boolean
}

interface Entry extends BookEntryTraits {
  readonly advertisement: Advertisement
  readonly envelope: Uint8Array
  readonly fingerprint: string
  /** By the signer's clock. */
  readonly datedMs: number
}

export interface TakeOptions {
  readonly expectedSigner?: PeerId
  /** The peer at the other end of the connection it came over. */
  readonly source?: PeerId
  /** The present time by the clock that dated it, if that differs from this host's. @default this host's time */
  readonly signerNowMs?: number | undefined
  /** Acquaintance stored in our own cache. Expired ones are accepted, too, as hints of peers to dial. */
  readonly cached?: Acquaintance
}

/** An advertisement for the cache. */
export interface KeptAdvertisement {
  /** Sealed. */
  readonly envelope: Uint8Array
  readonly acquaintance: Acquaintance
}

/** The book with the operations reserved for the host. */
export interface OwnedBook extends AdvertisementBook {
  /** Like `add`, with the source of the advertisement. */
  take(envelope: Uint8Array, options?: TakeOptions): Promise<Advertisement>
  /** Sealed advertisements to share with `except`: of other peers that were met, neither expired nor withdrawn. */
  fresh(except: PeerId): readonly Uint8Array[]
  /** The same for peers known by hearsay; shared if there is room left. */
  hearsay(except: PeerId): readonly Uint8Array[]
  /** Removes a peer's advertisement. */
  drop(peer: PeerId): void
  /** All entries, for the cache; the best known peers first, since the file has a size limit. */
  kept(): readonly KeptAdvertisement[]
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
    let heard = 0
    for (const entry of entries.values()) {
      if (entry.acquaintance === 'heard' && entry.source === source) heard += 1
    }
    return heard < maxPerSource
  }

  const set = (key: string, entry: Entry): void => {
    remove(key)
    entries.set(key, entry)
    byFingerprint.set(entry.fingerprint, entry)
  }

  const announce = (advertisement: Advertisement): void => {
    for (const listener of listeners) listener(advertisement)
  }

  /** A known advertisement received again. From the signer itself, it turns hearsay into an acquaintance. */
  const acquaint = (entry: Entry, acquaintance: Acquaintance): void => {
    if (compareAcquaintance(acquaintance, entry.acquaintance) <= 0) return
    const key = entry.advertisement.peerId.toString()
    set(key, { ...entry, acquaintance, source: key })
    announce(entry.advertisement)
  }

  /**
   * A known advertisement that its signer sends again is in force by the signer's clock: it expired by this host's clock
   * only, which was set in the meantime.
   */
  const renewed = (entry: Entry, { source, signerNowMs }: TakeOptions): Entry => {
    const { advertisement, datedMs } = entry
    const nowMs = init.now()
    const isFromSigner = source !== undefined && advertisement.peerId.equals(source)
    if (!isFromSigner || signerNowMs === undefined || !isExpired(advertisement, nowMs)) return entry
    const lifetimeMs = advertisement.expiresAtMs - advertisement.issuedAtMs
    const dated = { ...advertisement, issuedAtMs: datedMs, expiresAtMs: datedMs + lifetimeMs }
    const current = inOwnTime(dated, signerNowMs, nowMs)
    if (isExpired(current, nowMs)) return entry
    const { expiresAtMs } = current
    const next = { ...entry, advertisement: current, expiresAtMs, takenAtMs: nowMs }
    set(advertisement.peerId.toString(), next)
    announce(current)
    return next
  }

  const passable = (except: PeerId, isMet: boolean): Uint8Array[] => {
    const nowMs = init.now()
    return [...entries.values()]
      .filter(({ advertisement, acquaintance }) => {
        const { models, peerId } = advertisement
        const wanted = (acquaintance !== 'heard') === isMet
        return (
          wanted && models.length > 0 && !isExpired(advertisement, nowMs) && !peerId.equals(except)
        )
      })
      .map(({ envelope }) => envelope)
  }

  const take = async (envelope: Uint8Array, options: TakeOptions = {}): Promise<Advertisement> => {
    const fingerprint = createHash('sha256').update(envelope).digest('base64')
    const same = byFingerprint.get(fingerprint)
    // Verified before and identical: in a busy swarm nearly all are.
    if (same !== undefined && (options.expectedSigner?.equals(same.advertisement.peerId) ?? true)) {
      const current = renewed(same, options)
      acquaint(current, acquaintanceBy(options, current.advertisement.peerId))
      return current.advertisement
    }
    const nowMs = init.now()
    const signerNowMs = options.signerNowMs ?? nowMs
    const opened = await openAdvertisement(envelope, {
      nowMs: signerNowMs,
      ...(options.expectedSigner !== undefined && { expectedSigner: options.expectedSigner }),
    })
    const advertisement = inOwnTime(opened, signerNowMs, nowMs)
    if (advertisement.peerId.equals(init.self)) return advertisement
    if (init.mayAdvertise?.(advertisement.peerId) === false) {
      throw new InferenceError('malformed', 'an advertisement of a peer that may not serve')
    }
    const key = advertisement.peerId.toString()
    const known = entries.get(key)
    const acquaintance = acquaintanceBy(options, advertisement.peerId)
    // A clock that was ahead gave its numbers in advance; the signer itself corrects them.
    const isCorrected =
      known !== undefined &&
      known.datedMs > nowMs &&
      options.source !== undefined &&
      advertisement.peerId.equals(options.source)
    if (
      known !== undefined &&
      known.advertisement.sequence >= advertisement.sequence &&
      !isCorrected
    ) {
      acquaint(known, acquaintance)
      return known.advertisement
    }
    if (isExpired(advertisement, nowMs) && (known !== undefined || options.cached === undefined)) {
      return known?.advertisement ?? advertisement
    }
    const source = options.source?.toString() ?? (options.cached === 'heard' ? CACHE : key)
    if (known === undefined && acquaintance === 'heard' && !hasRoomFor(source)) return advertisement

    const now = closer(acquaintance, known?.acquaintance)
    const entry: Entry = {
      advertisement,
      envelope,
      fingerprint,
      datedMs: opened.issuedAtMs,
      // Newer hearsay about a peer that was met is still signed by that peer.
      source: now === 'heard' ? source : key,
      acquaintance: now,
      expiresAtMs: advertisement.expiresAtMs,
      takenAtMs: nowMs,
    }
    set(key, entry)
    if (entries.size > maxEntries) {
      const evicted = chooseEviction(entries, nowMs)
      if (evicted !== undefined) remove(evicted)
    }
    announce(advertisement)
    return advertisement
  }

  return {
    get: (peer) => entries.get(peer.toString())?.advertisement,
    all: () => Array.from(entries.values(), ({ advertisement }) => advertisement),
    add: (envelope, expectedSigner) =>
      take(envelope, expectedSigner === undefined ? {} : { expectedSigner }),
    take,
    onUpdate: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    acquaintance: (peer) => entries.get(peer.toString())?.acquaintance,
    answered: (peer) => {
      const entry = entries.get(peer)
      if (entry !== undefined) acquaint(entry, 'answered')
    },
    drop: (peer) => remove(peer.toString()),
    fresh: (except) => passable(except, true),
    hearsay: (except) => passable(except, false),
    kept: () =>
      [...entries.values()]
        .map(({ envelope, acquaintance }) => ({ envelope, acquaintance }))
        .sort((a, b) => compareAcquaintance(b.acquaintance, a.acquaintance)),
  }
}

/**
 * The advertisement with its times by this host's clock, so that it is in force for the rest of its lifetime, however the
 * signer's clock is set. A time of issue in the future counts as now: it buys nothing.
 */
function inOwnTime(
  advertisement: Advertisement,
  signerNowMs: number,
  nowMs: number,
): Advertisement {
  const shifted = advertisement.issuedAtMs + nowMs - signerNowMs
  const issuedAtMs = Math.min(shifted, nowMs)
  if (issuedAtMs === advertisement.issuedAtMs) return advertisement
  const expiresAtMs = issuedAtMs + advertisement.expiresAtMs - advertisement.issuedAtMs
  return { ...advertisement, issuedAtMs, expiresAtMs }
}

/** Common source for hearsay read from the disk, since its real source is not stored. */
const CACHE = 'cache'

/** An advertisement from the signer's own connection, or from this process, is not hearsay. */
function acquaintanceBy({ source, cached }: TakeOptions, signer: PeerId): Acquaintance {
  if (cached !== undefined) return cached
  return source === undefined || signer.equals(source) ? 'met' : 'heard'
}
