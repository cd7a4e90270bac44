import type { PeerId } from '@libp2p/interface'
import {
  decodeProbeResponse,
  FrameWriter,
  InferenceError,
  type Load,
  PROTOCOLS,
  readFrames,
} from '../../protocol/index.ts'
import { type Connect, openStream } from '../attempt/index.ts'
import { openScope } from '../scope.ts'
import { LoadPool } from './load-pool.ts'

/** Background probes under way; more would cost the swarm more than a good choice is worth. */
const MAX_CONCURRENT = 16
const MAX_RESPONSE_BYTES = 1_024

export interface ProbeResult {
  readonly load: Load
  /** Request written to answer read. */
  readonly rttMs: number
}

export interface ProberInit {
  readonly connect: Connect
  readonly timeoutMs: number
  readonly onRtt: (peer: string, rttMs: number) => void
}

export interface Prober {
  readonly pool: LoadPool
  /** Asks one peer now. @throws InferenceError, or the signal's reason */
  probe(peerId: PeerId, options: { readonly signal: AbortSignal }): Promise<ProbeResult>
  /** Asks, in the background, those whose load is not known freshly. */
  refresh(peers: readonly PeerId[]): void
  close(): Promise<void>
}

export function createProber(init: ProberInit): Prober {
  const { connect, timeoutMs, onRtt } = init
  const pool = new LoadPool()
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
    const result = await askLoad(connect, peerId, {
      signal: scope.signal,
      dialTimeoutMs: timeoutMs,
    })
    const key = peerId.toString()
    pool.add(key, result.load, performance.now())
    onRtt(key, result.rttMs)
    return result
  }

  return {
    pool,
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

async function askLoad(
  connect: Connect,
  peerId: PeerId,
  options: { readonly signal: AbortSignal; readonly dialTimeoutMs: number },
): Promise<ProbeResult> {
  const { signal } = options
  const stream = await openStream(connect, peerId, PROTOCOLS.probe, options)
  const onAbort = (): void =>
    stream.abort(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const frames = readFrames(stream, { maxFrames: 1, maxTotalBytes: MAX_RESPONSE_BYTES })
  let answered = false
  try {
    const startedAt = performance.now()
    const writer = new FrameWriter(stream)
    await writer.write(NOTHING, { signal })
    await writer.close({ signal })
    const next = await frames.next()
    if (next.done === true) throw new InferenceError('truncated', 'no load came')
    const load = decodeProbeResponse(next.value)
    answered = true
    return { load, rttMs: performance.now() - startedAt }
  } catch (error) {
    throw signal.aborted ? signal.reason : InferenceError.from(error)
  } finally {
    signal.removeEventListener('abort', onAbort)
    // The peer closes after its answer; what it has not closed by then is of no use.
    if (!answered || stream.status === 'open') stream.abort(new Error('the probe is over'))
    await frames.return()
  }
}

/** A ProbeRequest has no fields. */
const NOTHING = new Uint8Array(0)
