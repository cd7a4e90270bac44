import type { PeerId, PeerStore } from '@libp2p/interface'
import { type Advertisement, isExpired } from '../protocol/index.ts'
import { systemClock } from '../timing/index.ts'
import { compareAcquaintance } from './acquaintance.ts'
import type { OwnedBook } from './advertisement-book.ts'
import { readAdvertisementCache, writeAdvertisementCache } from './advertisement-cache.ts'

export interface BookKeeperInit {
  readonly book: OwnedBook
  readonly peerStore: Pick<PeerStore, 'merge'>
  /** The cache file. Without it nothing is read. */
  readonly path: string | undefined
  /** Whether this host may write the file. */
  readonly writable: boolean
  readonly now: () => number
  readonly onError: (what: string, error: unknown) => void
  /** Receives a message for the operator if the cache is damaged. */
  readonly onFault: (message: string) => void
}

/** Synchronizes the book with the cache file and with libp2p's peer store. */
export interface BookKeeper {
  /** Peers in the book, the best known first, then those with a fresh advertisement, then by age, once their addresses can be dialled. */
  candidates(): Promise<readonly PeerId[]>
  /** Writes pending changes. */
  close(): Promise<void>
}

/** Most envelopes read at a start. */
const MAX_CACHED = 1_024
/** Batches writes: a joining host receives many advertisements within a second. */
const WRITE_DELAY_MS = 1_000

/** Loads the cache into the book, then keeps cache and peer store up to date. */
export async function keepBook(init: BookKeeperInit): Promise<BookKeeper> {
  const { book, peerStore, path } = init
  if (path !== undefined) {
    // Another process's file is not moved.
    const onFault = init.writable ? init.onFault : undefined
    const cached = await readAdvertisementCache(path, MAX_CACHED, onFault)
    for (const { envelope, acquaintance } of cached) {
      // Verified again, as the file may be damaged; invalid entries are dropped.
      await book.take(envelope, { cached: acquaintance }).catch(() => undefined)
    }
  }

  const remember = async (advertisement: Advertisement): Promise<void> => {
    const { peerId, addresses } = advertisement
    if (addresses.length > 0) await peerStore.merge(peerId, { multiaddrs: [...addresses] })
  }

  const write = async (): Promise<void> => {
    if (path === undefined) return
    try {
      await writeAdvertisementCache(path, book.kept())
    } catch (error) {
      init.onError('writing the advertisement cache', error)
    }
  }
  let timer: Disposable | undefined
  let writing: Promise<void> = Promise.resolve()
  const unsubscribe = book.onUpdate((advertisement) => {
    remember(advertisement).catch((error: unknown) => init.onError('remembering a peer', error))
    if (!init.writable) return
    timer ??= systemClock.after(WRITE_DELAY_MS, () => {
      timer = undefined
      writing = writing.then(write)
    })
  })

  const byPromise = (a: Advertisement, b: Advertisement): number => {
    const nowMs = init.now()
    const known = compareAcquaintance(
      book.acquaintance(b.peerId) ?? 'heard',
      book.acquaintance(a.peerId) ?? 'heard',
    )
    if (known !== 0) return known
    const freshness = Number(isExpired(a, nowMs)) - Number(isExpired(b, nowMs))
    // A time of issue in the future counts as now.
    return freshness || Math.min(b.issuedAtMs, nowMs) - Math.min(a.issuedAtMs, nowMs)
  }

  return {
    candidates: async () => {
      const known = book.all().toSorted(byPromise)
      for (const advertisement of known) {
        await remember(advertisement).catch((error: unknown) => {
          init.onError('remembering a peer', error)
        })
      }
      return known.map(({ peerId }) => peerId)
    },
    close: async () => {
      unsubscribe()
      const unwritten = timer !== undefined
      timer?.[Symbol.dispose]()
      await writing
      if (unwritten) await write()
    },
  }
}
