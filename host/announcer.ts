import type { AbortOptions } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { CID } from 'multiformats/cid'
import { openScope } from '../timing/index.ts'

export interface AnnouncerInit {
  readonly dht: Pick<KadDHT, 'provide' | 'cancelReprovide'>
  /** Fires when the host stops. */
  readonly signal: AbortSignal
  /** Called when a first announcement has ended, successful or not. */
  readonly onAnnounced: () => void
  readonly onError: (what: string, error: unknown) => void
}

/** The keys that this peer provides. The DHT renews them; this announces them until enough peers have the record. */
export interface Announcer {
  /** Resolves at the first peer that stored the record, and goes on to the others in the background. */
  announce(key: CID, options?: AbortOptions): Promise<void>
  /** Announces again the keys that fewer than `goal` peers have stored at the last attempt. */
  announceAgain(goal: number): Promise<void>
  /** Takes all keys for unannounced: this host was away, or is at other addresses. */
  forgetStored(): void
  /** Whether some key was stored at fewer than `goal` peers at the last attempt. */
  isShortOf(goal: number): boolean
  withdraw(key: CID, options?: AbortOptions): Promise<void>
}

interface Provided {
  readonly key: CID
  /** Peers that stored the record at the last attempt; `undefined` while the first runs. */
  stored: number | undefined
}

const ANNOUNCE_TIMEOUT_MS = 30_000
/** Each is a look-up and up to 20 messages. */
const CONCURRENCY = 4

export function createAnnouncer(init: AnnouncerInit): Announcer {
  const provided = new Map<string, Provided>()

  const announce = async (
    entry: Provided,
    signal: AbortSignal,
    onStored: () => void,
  ): Promise<void> => {
    let stored = 0
    try {
      for await (const event of init.dht.provide(entry.key, { signal })) {
        if (event.name !== 'PEER_RESPONSE' || event.messageName !== 'ADD_PROVIDER') continue
        stored += 1
        onStored()
      }
    } finally {
      entry.stored = stored
    }
  }

  /** The caller may cancel until the first peer has the record; after that the query continues in the background. */
  const announceFirst = (entry: Provided, options: AbortOptions): Promise<void> =>
    new Promise((resolve, reject) => {
      const scope = openScope({ timeoutMs: ANNOUNCE_TIMEOUT_MS }, { owner: init.signal })
      const cancelled = new AbortController()
      const onCancel = (): void => {
        cancelled.abort()
        reject(options.signal?.reason)
      }
      const settle = (): void => {
        options.signal?.removeEventListener('abort', onCancel)
        resolve()
      }
      options.signal?.addEventListener('abort', onCancel, { once: true })
      announce(entry, AbortSignal.any([scope.signal, cancelled.signal]), settle)
        .catch((error: unknown) => {
          if (!init.signal.aborted && !cancelled.signal.aborted) init.onError('announcing', error)
        })
        .finally(() => {
          scope[Symbol.dispose]()
          settle()
          init.onAnnounced()
        })
    })

  const short = (goal: number): Provided[] =>
    [...provided.values()].filter(({ stored }) => stored !== undefined && stored < goal)

  return {
    announce: async (key, options = {}) => {
      options.signal?.throwIfAborted()
      const entry: Provided = { key, stored: undefined }
      provided.set(key.toString(), entry)
      await announceFirst(entry, options)
    },
    announceAgain: async (goal) => {
      const queue = short(goal)
      const next = async (): Promise<void> => {
        for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
          using scope = openScope({ timeoutMs: ANNOUNCE_TIMEOUT_MS }, { owner: init.signal })
          try {
            await announce(entry, scope.signal, () => {})
          } catch (error) {
            if (!init.signal.aborted) init.onError('announcing', error)
          }
        }
      }
      await Promise.all(Array.from({ length: CONCURRENCY }, next))
    },
    forgetStored: () => {
      for (const entry of provided.values()) if (entry.stored !== undefined) entry.stored = 0
    },
    isShortOf: (goal) => short(goal).length > 0,
    withdraw: async (key, options = {}) => {
      provided.delete(key.toString())
      await init.dht.cancelReprovide(key, options)
    },
  }
}
