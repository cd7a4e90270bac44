import type { Stream } from '@libp2p/interface'
import { setIdle } from '../../host/index.ts'
import {
  type Claim,
  FrameReader,
  InferenceError,
  type ReadFramesInit,
} from '../../protocol/index.ts'
import { closedWithin, followSignal } from '../../timing/index.ts'
import type { AttemptScope } from './attempt-scope.ts'
import type { Caller } from './caller.ts'
import type { ServeContext } from './context.ts'
import { serveExchange } from './inference.ts'
import type { WaitsFor } from './kept-streams.ts'
import { StreamEnd } from './stream-end.ts'
import { uploadBounds } from './upload.ts'

/** Longer than clients keep a stream, so that they close it, and hardly ever send a request on one that is closing. */
const IDLE_MS = 180_000

/**
 * Serves a stream that carries one attempt after the other. Never rejects. The stream ends with the first attempt that
 * fails, when the client half-closes, when it has been idle for long, or when the node drains.
 */
export async function serveKeptInference(
  stream: Stream,
  caller: Caller,
  context: ServeContext,
): Promise<void> {
  const { kept, limits, clock } = context
  let share = new Share(caller, context)
  const reader = new FrameReader(stream, share.bounds)
  const onUploaded = (scope: AttemptScope): void => refuseMore(reader, scope)
  const onEnding = (): void => {
    share = new Share(caller, context)
    reader.restart(share.bounds)
  }
  using end = new StreamEnd(stream)
  try {
    for (let what: WaitsFor = 'first'; ; what = 'next') {
      // Held until the head is read: until then the stream may be refused, and is counted nowhere else.
      using place = kept.wait(caller, what)
      if (place === undefined) {
        if (what === 'next') break
        throw new InferenceError('rate_limited', 'too many streams without a request')
      }
      if (!(await begins(reader, stream, what, context))) break
      const { memory } = share
      const onHead = (): void => {
        place[Symbol.dispose]()
        share.onHead()
      }
      const one = { stream, end, reader, memory, kept: { onHead, onUploaded, onEnding } }
      if (!(await serveExchange(one, caller, context)) || kept.closing.aborted) break
    }
    const closed = closedWithin(stream, limits.lingerMs, clock)
    await stream.close().catch(() => {})
    await closed
  } catch (error) {
    stream.abort(InferenceError.from(error, 'stream_reset'))
  } finally {
    share.memory.release()
    reader.close()
  }
}

/** Memory of one request. */
class Share {
  readonly memory: Claim
  readonly bounds: ReadFramesInit
  #isHeadRead: boolean = false
  #shortage: unknown

  constructor(caller: Caller, { memory }: ServeContext) {
    this.memory = memory.claim(caller)
    this.bounds = uploadBounds((bytes) => this.#grow(bytes))
  }

  /** @throws the shortage that there was before */
  onHead(): void {
    this.#isHeadRead = true
    if (this.#shortage !== undefined) throw this.#shortage
  }

  /** Only the head shows which attempt a refusal belongs to, so one message, which the window bounds, is let in. */
  #grow(bytes: number): void {
    try {
      this.memory.grow(bytes)
    } catch (error) {
      if (this.#isHeadRead || this.#shortage !== undefined) throw error
      this.#shortage = error
    }
  }
}

/**
 * Waits for the first byte of a request.
 *
 * @returns false if none is to come
 * @throws the signal's reason if the node stops
 */
async function begins(
  reader: FrameReader,
  stream: Stream,
  what: WaitsFor,
  { kept, limits, clock, signal }: ServeContext,
): Promise<boolean> {
  const { promise: begun, resolve, reject } = Promise.withResolvers<boolean>()
  const endIn = (ms: number): Disposable =>
    clock.after(ms, () => resolve(false), { background: true })
  let leaving: Disposable | undefined
  // A draining node refuses a new client's request, which must be on its way.
  const onClosing = (): void => {
    if (what === 'first') leaving = endIn(limits.lingerMs)
    else resolve(false)
  }
  using _late = endIn(what === 'first' ? limits.uploadTimeoutMs : IDLE_MS)
  using _closing = followSignal(kept.closing, onClosing)
  using _stop = followSignal(signal, reject)
  if (what === 'next') setIdle(stream, clock.wall())
  reader.readable().then(resolve, reject)
  try {
    return await begun
  } finally {
    leaving?.[Symbol.dispose]()
    setIdle(stream, undefined)
  }
}

/** A client that sends more before it has its answer breaks the protocol; the bytes would have no bound. */
function refuseMore(reader: FrameReader, scope: AttemptScope): void {
  const refuse = (): never => {
    const error = new InferenceError('invalid_request', 'bytes came before the answer was over')
    scope.fail(error)
    throw error
  }
  if (reader.keptBytes > 0) refuse()
  reader.restart({ maxFrames: 0, maxTotalBytes: 0, onBytes: refuse })
}
