import { InferenceError, type NodeFrame, PROTOCOLS } from '../../protocol/index.ts'
import { type Clock, raceSignal, systemClock } from '../../timing/index.ts'
import type { AttemptEvent, AttemptInit, AttemptSource } from './attempt-source.ts'
import { Exchange } from './exchange.ts'
import { FrameCheck } from './frame-check.ts'
import { discard, type KeptStreams } from './kept-streams.ts'
import { type Connect, isUnsupported, openStream } from './open-stream.ts'
import { type PathOf, pathFailure } from './path.ts'
import { Watchdog } from './watchdog.ts'
import { WireStream } from './wire-stream.ts'

export interface PeerAttemptInit {
  readonly connect: Connect
  /** @default the machine's */
  readonly clock?: Clock
  /** Returns the path of a stream. @default unknown, treated as direct */
  readonly pathOf?: PathOf
  /** Streams that carry one attempt after the other. @default none: a stream for each attempt */
  readonly kept?: KeptStreams
}

/** Most events that are yielded together: what was read of an answer is held until the consumer has it. */
const MAX_TOGETHER = 32

/**
 * Attempts over the wire. Besides the peer's failure it throws `dial_failed`, `stalled`, `stream_reset`, `truncated`,
 * `malformed` and `path_lost`.
 */
export function createPeerAttempt(source: PeerAttemptInit): AttemptSource {
  const { clock = systemClock } = source
  return (init, options) => peerAttempt({ ...init, ...source, clock }, options)
}

type WiredAttempt = AttemptInit & PeerAttemptInit & { readonly clock: Clock }

async function* peerAttempt(
  init: WiredAttempt,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<readonly AttemptEvent[], void, void> {
  const { signal } = options
  signal.throwIfAborted()
  const { clock, kept, peerId } = init
  const watchdog = new Watchdog(init.limits, (error) => exchange.abort(error), {
    clock,
    ...(init.isAlone !== undefined && { isAlone: init.isAlone }),
  })
  const begin = (wire: WireStream): Exchange => new Exchange(wire, init, () => watchdog.alive())
  let exchange = begin(kept?.take(peerId) ?? (await openWire(init, signal)))
  let check = new FrameCheck(init, exchange.attemptId, clock)
  const onAbort = (): void => exchange.abort(asError(signal.reason))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  let ended: 'done' | 'failed' | undefined
  try {
    while (ended === undefined) {
      const next = exchange.take() ?? (await nextFrame(exchange, watchdog, signal))
      if (next === undefined) {
        await end(exchange, init, ended)
        exchange = begin(await openWire(init, signal))
        if (signal.aborted) onAbort()
        check = new FrameCheck(init, exchange.attemptId, clock)
        continue
      }
      const read = readTogether(next, exchange, check, watchdog)
      ended = read.ended
      if (read.events.length > 0) yield read.events
      if (read.failure !== undefined) throw read.failure
      // No receipt for an answer that another was faster than.
      check.taken()
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : InferenceError.from(error)
  } finally {
    signal.removeEventListener('abort', onAbort)
    watchdog.close()
    await end(exchange, init, ended)
  }
}

/** What arrived together. */
interface Together {
  readonly events: readonly AttemptEvent[]
  /** Set if the exchange is over in due order. */
  readonly ended: 'done' | 'failed' | undefined
  /** Why nothing follows the events. */
  readonly failure: unknown
}

/** Reads a frame and those that have arrived behind it. Never throws: what came before a failure is part of the answer. */
function readTogether(
  first: NodeFrame,
  exchange: Exchange,
  check: FrameCheck,
  watchdog: Watchdog,
): Together {
  const events: AttemptEvent[] = []
  let ended: Together['ended']
  let failure: unknown
  try {
    let next: NodeFrame | undefined = first
    while (next !== undefined) {
      // A keep-alive without progress shows only that the node is alive, not that it is working.
      if (next.type === 'keepAlive' && next.progress !== undefined) watchdog.working()
      else watchdog.alive()
      // The check throws the failure, but the exchange is over in due order.
      if (next.type === 'failed') ended = next.type
      const event = check.frame(next)
      // Only after the check: a stream whose peer breaks the protocol is not kept.
      if (next.type === 'done') ended = next.type
      if (event?.type === 'chunk' && (event.visible || event.tokenIds.length > 0)) {
        watchdog.progress(event.visible)
      }
      // Between pieces a report only extends the wait: it ends no gap, and nothing is shown for it.
      const isShown = event !== undefined && (event.type !== 'progress' || !watchdog.isStreaming)
      if (isShown) events.push(event)
      next = ended === undefined && events.length < MAX_TOGETHER ? exchange.take() : undefined
    }
  } catch (error) {
    failure = error
  }
  return { events, ended, failure }
}

/** @returns undefined if the attempt is to be made once more on a new stream */
async function nextFrame(
  exchange: Exchange,
  watchdog: Watchdog,
  signal: AbortSignal,
): Promise<NodeFrame | undefined> {
  try {
    return await watchdog.guard(exchange.next())
  } catch (error) {
    if (exchange.isStale(error) && !signal.aborted) return undefined
    throw await raceSignal(pathFailure(InferenceError.from(error), exchange.wire.path), signal)
  }
}

/** A stream of its own, on which others may follow if the peer can. */
async function openWire(init: WiredAttempt, signal: AbortSignal): Promise<WireStream> {
  const { connect, peerId, clock, kept } = init
  const { dialTimeoutMs } = init.limits
  const open = async (protocol: string): Promise<WireStream> => {
    const isKept = protocol === PROTOCOLS.keptInference
    const options = { signal, dialTimeoutMs, isAdvertised: isKept, clock }
    const stream = await openStream(connect, peerId, protocol, options)
    return new WireStream(stream, isKept, init.pathOf?.(peerId, stream))
  }
  if (kept?.speaks(peerId) !== true) return await open(PROTOCOLS.inference)
  try {
    return await open(PROTOCOLS.keptInference)
  } catch (error) {
    // Its advertisement is of a newer version than the one that answers.
    if (!isUnsupported(error)) throw error
    return await open(PROTOCOLS.inference)
  }
}

/** A stream that has its whole exchange behind it is kept, or closed in order; any other is reset. */
async function end(
  exchange: Exchange,
  { kept, peerId, clock }: WiredAttempt,
  ended: 'done' | 'failed' | undefined,
): Promise<void> {
  const { wire } = exchange
  if (ended === 'done' && exchange.isUploaded && wire.isKept) kept?.give(peerId, wire)
  else if (ended !== undefined && exchange.isUploaded) discard(wire, clock)
  else {
    wire.reader.close()
    exchange.abort(new InferenceError('cancelled', 'the attempt is over'))
  }
  await exchange.settled()
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
