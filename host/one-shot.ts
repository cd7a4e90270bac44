import type { AbortOptions, PeerId, Stream } from '@libp2p/interface'
import { FrameWriter, InferenceError, readFrames } from '../protocol/index.ts'
import { type Clock, closedWithin, openScope, raceSignal, type Scope } from '../timing/index.ts'

/** Time for the other side to close its half once everything is said. */
const CLOSE_TIMEOUT_MS = 2_000
/** Streams of one protocol to one peer at a time; libp2p's default of 64 is too few for a gateway. */
const MAX_OUTBOUND_STREAMS = 1_024

/** What asking needs of a libp2p node. */
export interface Dialer {
  /** Opens a stream to a peer, dialling it first if needed. */
  dialProtocol(
    peer: PeerId,
    protocol: string,
    options: {
      readonly signal: AbortSignal
      readonly maxOutboundStreams: number
      readonly runOnLimitedConnection: boolean
    },
  ): Promise<Stream>
}

/** One question to a peer. */
export interface AskInit {
  readonly libp2p: Dialer
  readonly peer: PeerId
  readonly protocol: string
  /** Absent if opening the stream is the question. */
  readonly request?: Uint8Array
  readonly maxResponseBytes: number
  /** Dial, question and answer together. */
  readonly timeoutMs: number
  /** @default the machine's */
  readonly clock?: Clock
}

/**
 * Asks a peer one question over a stream of its own.
 *
 * @returns the answer, one frame
 * @throws InferenceError `dial_failed`, `stalled`, `stream_reset`, `truncated`, `malformed`; the signal's reason
 */
export async function askOnce(init: AskInit, options: AbortOptions): Promise<Uint8Array> {
  const { timeoutMs, clock } = init
  options.signal?.throwIfAborted()
  using scope = openScope(
    {
      timeoutMs,
      clock,
      onTimeout: () => new InferenceError('stalled', `no answer in ${timeoutMs} ms`),
    },
    options,
  )
  const stream = await open(init, scope)
  const onAbort = (): void => stream.abort(asError(scope.signal.reason))
  scope.signal.addEventListener('abort', onAbort, { once: true })
  try {
    const writer = new FrameWriter(stream)
    if (init.request !== undefined) await writer.write(init.request, scope)
    await writer.close(scope)
    const bounds = { maxFrames: 1, maxTotalBytes: init.maxResponseBytes }
    for await (const frame of readFrames(stream, bounds)) {
      await stream.closeRead()
      void closedWithin(stream, CLOSE_TIMEOUT_MS)
      return frame
    }
    throw new InferenceError('truncated', 'the peer closed the stream without an answer')
  } catch (error) {
    const failure = scope.signal.aborted
      ? scope.signal.reason
      : InferenceError.from(error, 'stream_reset')
    stream.abort(asError(failure))
    throw failure
  } finally {
    scope.signal.removeEventListener('abort', onAbort)
  }
}

async function open({ libp2p, peer, protocol }: AskInit, { signal }: Scope): Promise<Stream> {
  const opening = libp2p.dialProtocol(peer, protocol, {
    signal,
    maxOutboundStreams: MAX_OUTBOUND_STREAMS,
    runOnLimitedConnection: true,
  })
  try {
    return await raceSignal(opening, signal)
  } catch (error) {
    // A transport may be late to heed the signal. What it opens then is of no use.
    void opening.then(
      (stream) => stream.abort(new InferenceError('cancelled', 'opened too late')),
      () => {},
    )
    throw signal.aborted ? signal.reason : InferenceError.from(error, 'dial_failed')
  }
}

export interface AnswerInit {
  /** Bound of the question; 0 if opening the stream is the question, so that nothing is read. */
  readonly maxRequestBytes: number
  /** From the first byte to the last, both ways. */
  readonly timeoutMs: number
  /** Called with the error that reset the stream. */
  readonly onFailure?: (error: InferenceError) => void
}

/**
 * Answers one question on a stream that a peer opened. Never rejects: a failure of either side resets the stream.
 *
 * @param respond turns the question into the answer, one frame each; what it throws resets the stream
 */
export async function answerOnce(
  stream: Stream,
  init: AnswerInit,
  respond: (request: Uint8Array) => Uint8Array | Promise<Uint8Array>,
): Promise<void> {
  const onTimeout = (): InferenceError =>
    new InferenceError('stalled', `the peer took longer than ${init.timeoutMs} ms`)
  using scope = openScope({ timeoutMs: init.timeoutMs, onTimeout })
  const onAbort = (): void => stream.abort(asError(scope.signal.reason))
  scope.signal.addEventListener('abort', onAbort, { once: true })
  try {
    const response = await respond(await readRequest(stream, init.maxRequestBytes))
    const writer = new FrameWriter(stream)
    await writer.write(response, scope)
    const closed = closedWithin(stream, CLOSE_TIMEOUT_MS)
    await writer.close(scope)
    await closed
  } catch (error) {
    const failure = InferenceError.from(error, 'stream_reset')
    stream.abort(failure)
    init.onFailure?.(failure)
  } finally {
    scope.signal.removeEventListener('abort', onAbort)
  }
}

async function readRequest(stream: Stream, maxBytes: number): Promise<Uint8Array> {
  if (maxBytes === 0) return new Uint8Array()
  const bounds = { maxFrameBytes: maxBytes, maxFrames: 1, maxTotalBytes: maxBytes }
  for await (const frame of readFrames(stream, bounds)) {
    // Anything after the question is discarded: unread, it would sit in memory that no budget counts.
    await stream.closeRead()
    return frame
  }
  throw new InferenceError('truncated', 'the peer closed the stream without a question')
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
