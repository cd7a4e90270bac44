import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Host } from '../../../host/index.ts'

/** Providers visited in one look-up. More of them would not improve a choice among eight. */
const MAX_PROVIDERS = 128
/** Advertisements fetched at a time. */
const MAX_FETCHES = 16

export interface LookupInit {
  readonly host: Pick<Host, 'findProviders' | 'peerId'>
  /** Called once for each provider. Must not reject. */
  readonly visit: (peerId: PeerId) => Promise<void>
  /** Peers to visit at once, before the DHT has answered. */
  readonly hints: readonly PeerId[]
  /** Groups of keys. The keys of a group are queried together; a later group only if `enough` returns false. */
  readonly groups: readonly (readonly CID[])[]
  readonly enough: () => boolean
}

/**
 * Queries the DHT and visits each provider once. Never rejects: what fails is left out, and the signal ends it early.
 */
export async function lookUp(init: LookupInit, options: { signal: AbortSignal }): Promise<void> {
  const { signal } = options
  const seen = new Set<string>([init.host.peerId.toString()])
  const waiting: PeerId[] = []
  const running = new Set<Promise<void>>()

  const pump = (): void => {
    while (running.size < MAX_FETCHES && !signal.aborted) {
      const peerId = waiting.shift()
      if (peerId === undefined) return
      const visit = init.visit(peerId).finally(() => {
        running.delete(visit)
        pump()
      })
      running.add(visit)
    }
  }
  const follow = (peerId: PeerId): void => {
    const key = peerId.toString()
    if (seen.has(key) || seen.size > MAX_PROVIDERS) return
    seen.add(key)
    waiting.push(peerId)
    pump()
  }
  const settled = async (): Promise<void> => {
    while (running.size > 0) await Promise.race(running)
  }

  for (const hint of init.hints) follow(hint)
  for (const group of init.groups) {
    await Promise.all(group.map((key) => ask(init.host, key, follow, signal)))
    await settled()
    if (signal.aborted || init.enough()) break
  }
  await settled()
}

async function ask(
  host: Pick<Host, 'findProviders'>,
  key: CID,
  follow: (peerId: PeerId) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const peerId of host.findProviders(key, { signal })) follow(peerId)
  } catch {
    // A query that fails or times out has already reported what it found.
  }
}
