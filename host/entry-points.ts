import type { Libp2p, PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { PROTOCOLS } from '../protocol/index.ts'
import { readStored, writeStored } from '../storage/index.ts'
import { type Clock, everyTogether } from '../timing/index.ts'
import { peerOf } from './bootstrap-dialer.ts'
import { isDirectPath } from './direct-path-address.ts'
import { publicIpOf } from './reach/index.ts'
import { networkOf } from './subnet.ts'
import { withoutPeer } from './without-peer.ts'

/** A peer that this host dialled at a public address. Times are milliseconds since 1970. */
export interface EntryPoint {
  /** Ends in `/p2p/…`. */
  readonly address: string
  readonly firstMs: number
  readonly lastMs: number
}

export interface EntryPointsInit {
  readonly libp2p: Pick<
    Libp2p,
    'getConnections' | 'peerStore' | 'addEventListener' | 'removeEventListener'
  >
  /** The file. Without it the list ends with the process. */
  readonly path: string | undefined
  /** Whether this host may write the file. */
  readonly writable: boolean
  readonly clock: Clock
  /** Fires when the host stops. */
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
  /** Receives a message for the operator if the file is damaged. */
  readonly onFault: (message: string) => void
}

/** Public peers known from before, through which a host finds the others once its bootstrap peers are gone. */
export interface EntryPoints {
  /** Longest known first. */
  all(): readonly EntryPoint[]
  /** Their ids, once their addresses can be dialled. */
  candidates(): Promise<readonly PeerId[]>
  /** Writes pending changes. */
  close(): Promise<void>
}

const MAX_KEPT = 32
/** Most peers of one /24 or /48: an attacker with one network must not fill the list. */
const MAX_OF_NETWORK = 2
/** A peer not met for this long is dropped: 60 days. */
const MAX_AGE_MS = 5_184_000_000
/** Interval of checks of the connected peers. */
const LOOK_MS = 300_000
/** After identify, for the others that connect together. */
const SETTLE_MS = 2_000

/** Selects the peers to keep: longest known first, few of each network. */
export function rankEntryPoints(points: readonly EntryPoint[], nowMs: number): EntryPoint[] {
  const ofNetwork = new Map<string, number>()
  const peers = new Set<string>()
  return points
    .filter(({ lastMs }) => nowMs - lastMs < MAX_AGE_MS)
    .toSorted((a, b) => a.firstMs - b.firstMs || b.lastMs - a.lastMs)
    .filter(({ address }) => {
      const parsed = multiaddr(address)
      const peer = peerOf(parsed).toString()
      const network = networkOf(parsed) ?? ''
      const count = ofNetwork.get(network) ?? 0
      if (peers.has(peer) || count >= MAX_OF_NETWORK) return false
      peers.add(peer)
      ofNetwork.set(network, count + 1)
      return true
    })
    .slice(0, MAX_KEPT)
}

/** Reads the file, then records public peers that serve the DHT. */
export async function keepEntryPoints(init: EntryPointsInit): Promise<EntryPoints> {
  const { libp2p, path, clock, signal } = init
  let points =
    path === undefined ? [] : rankEntryPoints(await readPoints(path, init.onFault), clock.wall())

  const look = async (): Promise<void> => {
    const nowMs = clock.wall()
    for (const { direction, remoteAddr, remotePeer } of libp2p.getConnections()) {
      if (direction !== 'outbound' || publicIpOf(remoteAddr) === undefined) continue
      if (isDirectPath(remoteAddr)) continue
      const { protocols } = await libp2p.peerStore.get(remotePeer).catch(() => ({ protocols: [] }))
      if (!protocols.some((protocol) => protocol === PROTOCOLS.kad)) continue
      const suffix = `/p2p/${remotePeer.toString()}`
      const address = `${withoutPeer(remoteAddr)}${suffix}`
      const known = points.find((point) => point.address.endsWith(suffix))
      const others = points.filter((point) => point !== known)
      points = rankEntryPoints(
        [...others, { address, firstMs: known?.firstMs ?? nowMs, lastMs: nowMs }],
        nowMs,
      )
    }
  }
  const write = async (): Promise<void> => {
    await look()
    if (path === undefined || !init.writable || points.length === 0) return
    await writeStored(path, JSON.stringify(points))
  }
  let writing: Promise<void> = Promise.resolve()
  const save = (): void => {
    writing = writing
      .then(write)
      .catch((error: unknown) => init.onError('remembering entry points', error))
  }
  let timer: Disposable | undefined
  const onIdentify = (): void => {
    timer ??= clock.after(
      SETTLE_MS,
      () => {
        timer = undefined
        save()
      },
      { background: true },
    )
  }
  libp2p.addEventListener('peer:identify', onIdentify)
  everyTogether(clock, LOOK_MS, save, { signal })
  const stop = (): void => {
    libp2p.removeEventListener('peer:identify', onIdentify)
    timer?.[Symbol.dispose]()
  }
  signal.addEventListener('abort', stop, { once: true })

  return {
    all: () => points,
    candidates: async () => {
      for (const { address } of points) {
        const parsed = multiaddr(address)
        await libp2p.peerStore.merge(peerOf(parsed), { multiaddrs: [parsed] })
      }
      return points.map(({ address }) => peerOf(multiaddr(address)))
    },
    close: async () => {
      stop()
      save()
      await writing
    },
  }
}

/** Drops invalid entries. */
async function readPoints(path: string, onFault: (message: string) => void): Promise<EntryPoint[]> {
  const parse = (text: string): EntryPoint[] | undefined => {
    const stored: unknown = JSON.parse(text)
    return Array.isArray(stored) ? stored.filter(isEntryPoint) : undefined
  }
  const consequence = 'entry points are learned again'
  return (await readStored(path, { parse, consequence, onFault })) ?? []
}

function isEntryPoint(value: unknown): value is EntryPoint {
  const { address, firstMs, lastMs } = (value ?? {}) as Partial<EntryPoint>
  if (typeof address !== 'string' || typeof firstMs !== 'number' || typeof lastMs !== 'number')
    return false
  try {
    const parsed = multiaddr(address)
    return peerOf(parsed) !== undefined && publicIpOf(parsed) !== undefined
  } catch {
    return false
  }
}
