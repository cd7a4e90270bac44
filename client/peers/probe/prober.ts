import type { PeerId } from '@libp2p/interface'
import {
  decodeProbeResponse,
  InferenceError,
  type Load,
  PROTOCOLS,
  readFrames,
} from '../../../protocol/index.ts'
import { openScope } from '../../../timing/index.ts'
import { type Connect, endSoon, openStream } from '../../attempt/index.ts'
import type { LoadPool } from './load-pool.ts'

/** Background probes under way; more would cost the swarm more than a good choice is worth. */
const MAX_CONCURRENT = 16
const MAX_RESPONSE_BYTES = 1_024

interface ProbeResult {
  readonly load: Load
  /** Stream asked for to answer read: one round trip. Absent where the peer had to be dialled first. */
  readonly rttMs?: number
}

export interface ProberInit {
  readonly connect: Connect
  /** Where samples go. */
  readonly pool: LoadPool
  readonly isConnected: (peerId: PeerId) => boolean
  readonly timeoutMs: number
  readonly onRtt: (peer: string, rttMs: number) => void
}

export interface Prober {
  /** Asks one peer now. @throws InferenceError, or the signal's reason */
  probe(peerId: PeerId, options: { readonly signal: AbortSignal }): Promise<ProbeResult>
  /** Asks, in the background, those whose load is not known freshly. */
  refresh(peers: readonly PeerId[]): void
  close(): Promise<void>
}

export function createProber(init: ProberInit): Prober {
  const { connect, isConnected, pool, timeoutMs, onRtt } = init
  const running = new Map<string, Promise<void>>()
  const closing = new AbortController()

  const probe = async (
    peerId: PeerId,
    options: { readonly signal: AbortSignal },
  ): Promise<ProbeResult> => {
    using scope = openScope(
      { timeoutMs, onTimeout: () => new InferenceError('stalled', `no load in ${timeoutMs} ms`) },
      options,
    )
    const warm = isConnected(peerId)
    const startedAt = performance.now()
    const load = await askLoad(connect, peerId, { signal: scope.signal, dialTimeoutMs: timeoutMs })
    const rttMs = performance.now() - startedAt
    const key = peerId.toString()
    pool.add(key, load, performance.now())
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
        if (running.has(key) || pool.fresh(key, performance.now()) !== undefined) continue
        const done = probe(peerId, { signal: closing.signal })
          // A peer that cannot be probed has no sample; the attempt on it will tell more.
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

/** Opening the stream is the question. */
async function askLoad(
  connect: Connect,
  peerId: PeerId,
  options: { readonly signal: AbortSignal; readonly dialTimeoutMs: number },
): Promise<Load> {
  const { signal } = options
  const stream = await openStream(connect, peerId, PROTOCOLS.probe, options)
  const onAbort = (): void =>
    stream.abort(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const frames = readFrames(stream, { maxFrames: 1, maxTotalBytes: MAX_RESPONSE_BYTES })
  try {
    await stream.close({ signal })
    const next = await frames.next()
    if (next.done === true) throw new InferenceError('truncated', 'no load came')
    return decodeProbeResponse(next.value)
  } catch (error) {
    throw signal.aborted ? signal.reason : InferenceError.from(error, 'stream_reset')
  } finally {
    signal.removeEventListener('abort', onAbort)
    endSoon(stream)
    await frames.return()
  }
}
