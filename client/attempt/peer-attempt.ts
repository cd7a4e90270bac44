import { createHash, type Hash, randomBytes } from 'node:crypto'
import type { Stream } from '@libp2p/interface'
import {
  type Done,
  decodeNodeFrame,
  encodeClientFrame,
  FrameWriter,
  InferenceError,
  LIMITS,
  matchesDigest,
  type NodeFrame,
  PROTOCOLS,
  readFrames,
} from '../../protocol/index.ts'
import { type Clock, closedWithin, raceSignal, systemClock } from '../../timing/index.ts'
import { isVisible } from '../request/index.ts'
import { AnswerCheck, checkFailure } from './answer-check.ts'
import type { AttemptEvent, AttemptInit, AttemptSource } from './attempt-source.ts'
import { type Connect, openStream } from './open-stream.ts'
import { type PathOf, pathFailure } from './path.ts'
import { Watchdog } from './watchdog.ts'

/** Time for a peer to close its half of the stream after its last frame. */
const LINGER_MS = 2_000

export interface PeerAttemptInit {
  readonly connect: Connect
  /** @default the machine's */
  readonly clock?: Clock
  /** Returns the path of a stream. @default unknown, treated as direct */
  readonly pathOf?: PathOf
}

/**
 * Attempts over the wire, each on its own stream. Besides the peer's failure it throws `dial_failed`, `stalled`,
 * `stream_reset`, `truncated`, `malformed` and `path_lost`.
 */
export function createPeerAttempt(source: PeerAttemptInit): AttemptSource {
  const { clock = systemClock } = source
  return (init, options) => peerAttempt({ ...init, ...source, clock }, options)
}

type WiredAttempt = AttemptInit & PeerAttemptInit & { readonly clock: Clock }

async function* peerAttempt(
  init: WiredAttempt,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<AttemptEvent, void, void> {
  const { signal } = options
  signal.throwIfAborted()
  const { clock } = init
  const { dialTimeoutMs } = init.limits
  const stream = await openStream(init.connect, init.peerId, PROTOCOLS.inference, {
    signal,
    dialTimeoutMs,
    clock,
  })
  const onAbort = (): void => stream.abort(asError(signal.reason))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  const path = init.pathOf?.(init.peerId, stream)
  const relayed = (bytes: number): void => {
    if (path?.relay !== undefined) init.onRelayed?.(path.relay, bytes)
  }
  const watchdog = new Watchdog(init.limits, (error) => stream.abort(error), clock)
  const frames = readFrames(stream, {
    maxFrames: LIMITS.maxResponseFrames,
    maxTotalBytes: LIMITS.maxResponseBytes,
    onBytes: relayed,
  })
  // A node may refuse before it has read the whole request, so sending and reading run concurrently. If sending fails,
  // reading fails too and gives the reason.
  const attemptId = new Uint8Array(randomBytes(16))
  const sent = send(stream, attemptId, init, (bytes) => {
    relayed(bytes)
    watchdog.alive()
  }).then(
    () => true,
    () => false,
  )
  const check = new FrameCheck(init, attemptId, clock)
  let ended = false
  try {
    while (!ended) {
      const next = await watchdog.guard(nextFrame(frames)).catch(async (error: unknown) => {
        throw await raceSignal(pathFailure(InferenceError.from(error), path), signal)
      })
      const frame = decodeNodeFrame(next)
      // A keep-alive without progress shows only that the node is alive, not that it is working.
      if (frame.type === 'keepAlive' && frame.progress !== undefined) watchdog.working()
      else watchdog.alive()
      ended = frame.type === 'done' || frame.type === 'failed'
      const event = check.frame(frame)
      if (event === undefined) continue
      if (event.type === 'chunk' && (event.visible || event.tokenIds.length > 0)) {
        watchdog.progress(event.visible)
      }
      yield event
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : InferenceError.from(error)
  } finally {
    signal.removeEventListener('abort', onAbort)
    if (ended && stream.writeStatus === 'closed') void closedWithin(stream, LINGER_MS, clock)
    else stream.abort(new InferenceError('cancelled', 'the attempt is over'))
    await frames.return()
    await sent
  }
}

async function send(
  stream: Stream,
  attemptId: Uint8Array,
  init: AttemptInit,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const { kind, model, body } = init.request
  const writer = new FrameWriter(stream)
  const remainingMs = Math.max(1, Math.min(LIMITS.maxRemainingMs, Math.floor(init.remainingMs())))
  const { resume } = init
  const head = {
    attemptId,
    remainingMs,
    kind,
    model,
    bodyBytes: body.length,
    ...(resume !== undefined && { resume }),
  }
  // Not awaited, so that the head and the first piece are sent as one message.
  let written = writer.write(encodeClientFrame({ type: 'head', ...head }))
  for (let at = 0; at < body.length; at += LIMITS.bodyFrameBytes) {
    const data = body.subarray(at, at + LIMITS.bodyFrameBytes)
    const both = Promise.all([written, writer.write(encodeClientFrame({ type: 'body', data }))])
    await both
    written = Promise.resolve()
    onProgress(data.length)
  }
  await writer.close()
}

async function nextFrame(frames: AsyncGenerator<Uint8Array, void, void>): Promise<Uint8Array> {
  const next = await frames.next()
  if (next.done !== true) return next.value
  throw new InferenceError('truncated', 'the stream ended without its terminal frame')
}

/** Checks the order of frames: `accepted` once, then chunks, then one end. */
class FrameCheck {
  readonly #init: AttemptInit
  readonly #answer: AnswerCheck
  readonly #attemptId: Uint8Array
  readonly #clock: Clock
  readonly #startedMs: number
  /** Only if a receipt is wanted. */
  readonly #hash: Hash | undefined
  #accepted: boolean = false

  constructor(init: AttemptInit, attemptId: Uint8Array, clock: Clock) {
    this.#init = init
    this.#clock = clock
    this.#startedMs = clock.now()
    this.#attemptId = attemptId
    this.#hash = init.onAnswered && createHash('sha256')
    this.#answer = new AnswerCheck(init.request, init.resume !== undefined)
  }

  frame(frame: NodeFrame): AttemptEvent | undefined {
    switch (frame.type) {
      case 'accepted':
        return this.#accept(frame)
      case 'keepAlive': {
        this.#answer.nothing()
        const { progress } = frame
        return progress === undefined ? undefined : { type: 'progress', progress }
      }
      case 'chunk': {
        this.#needAccepted()
        const chunk = this.#answer.chunk(frame)
        this.#hash?.update(frame.json)
        const { tokenIds, logprobs } = frame
        return { type: 'chunk', chunk, visible: isVisible(chunk), tokenIds, logprobs }
      }
      case 'done':
        this.#needAccepted()
        this.#init.onLoad?.(frame.load)
        this.#answer.done(frame)
        this.#tellAnswered(frame)
        return frame
      case 'failed':
        if (frame.load !== undefined) this.#init.onLoad?.(frame.load)
        throw checkFailure(frame.error, this.#init.request, this.#init.resume !== undefined)
      default:
        return frame satisfies never
    }
  }

  #accept(frame: Extract<NodeFrame, { type: 'accepted' }>): AttemptEvent {
    if (this.#accepted) throw new InferenceError('malformed', 'accepted twice')
    const digest = this.#init.request.digest ?? this.#init.digest
    if (digest !== undefined && !matchesDigest(frame.digest, digest)) {
      throw new InferenceError(
        'malformed',
        'the peer would answer with other weights than asked for',
      )
    }
    this.#accepted = true
    return frame
  }

  #tellAnswered({ usage }: Done): void {
    if (this.#hash === undefined) return
    const answerHash = new Uint8Array(this.#hash.digest())
    const durationMs = this.#clock.now() - this.#startedMs
    this.#init.onAnswered?.({ attemptId: this.#attemptId, usage, answerHash, durationMs })
  }

  #needAccepted(): void {
    if (!this.#accepted) throw new InferenceError('malformed', 'an answer before it was accepted')
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
