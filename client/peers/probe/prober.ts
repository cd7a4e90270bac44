import type { PeerId } from '@libp2p/interface'
import { askOnce } from '../../../host/index.ts'
import {
  decodeProbeResponse,
  InferenceError,
  type Load,
  PROTOCOLS,
} from '../../../protocol/index.ts'
import type { Clock } from '../../../timing/index.ts'
import type { Connect } from '../../attempt/index.ts'
import type { LoadPool } from './load-pool.ts'

/** Background probes in progress. More would cost the swarm more than a good choice saves. */
const MAX_CONCURRENT = 16
const MAX_RESPONSE_BYTES = 1_024

interface ProbeResult {
  readonly load: Load
  /** One round trip, from opening the stream to the answer. Absent if the peer had to be dialled first. */
  readonly rttMs?: number
}

export interface ProberInit {
  readonly connect: Connect
  /** Receives the samples. */
  readonly pool: LoadPool
  readonly isConnected: (peerId: PeerId) => boolean
  readonly timeoutMs: number
  readonly clock: Clock
  readonly onRtt: (peer: string, rttMs: number) => void
}

export interface Prober {
  /** Probes one peer now. @throws InferenceError, or the signal's reason */
  probe(peerId: PeerId, options: { readonly signal: AbortSignal }): Promise<ProbeResult>
  /** Probes, in the background, the peers without a fresh load sample. */
  refresh(peers: readonly PeerId[]): void
  close(): Promise<void>
}

export function createProber(init: ProberInit): Prober {
  const { connect, isConnected, pool, timeoutMs, clock, onRtt } = init
  const running = new Map<string, Promise<void>>()
  const closing = new AbortController()

  const probe = async (
    peerId: PeerId,
    options: { readonly signal: AbortSignal },
  ): Promise<ProbeResult> => {
    const warm = isConnected(peerId)
    const startedAt = clock.now()
    const question = {
      libp2p: { dialProtocol: connect },
      peer: peerId,
      protocol: PROTOCOLS.probe,
      timeoutMs,
      clock,
    }
    const frame = await askOnce({ ...question, maxResponseBytes: MAX_RESPONSE_BYTES }, options)
    const rttMs = clock.now() - startedAt
    const load = decodeProbeResponse(frame)
    const key = peerId.toString()
    pool.add(key, load, clock.now())
    if (!warm) return { load }
    onRtt(key, rttMs)
    return { load, rttMs }
  }

  return {
    probe,
    refresh(peers) {
      for (const peerId of peers) {
        const key = peerId.toString()
        if (running.size >= MAX_CONCURRENT || closing.signal.aborted) return
        if (running.has(key) || pool.fresh(key, clock.now()) !== undefined) continue
        const done = probe(peerId, { signal: closing.signal })
          // A peer that cannot be probed has no sample; an attempt on it will show more.
          .then(noResult, noResult)
          .finally(() => running.delete(key))
        running.set(key, done)
      }
    },
    async close() {
      closing.abort(new InferenceError('cancelled', 'the client is closed'))
      await Promise.all(running.values())
    },
  }
}

const noResult = (): void => {}
