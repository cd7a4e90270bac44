import type { Stream } from '@libp2p/interface'
import { setIdle } from '../../host/index.ts'
import { FrameReader, InferenceError } from '../../protocol/index.ts'
import { closedWithin, raceSignal } from '../../timing/index.ts'
import type { AttemptScope } from './attempt-scope.ts'
import type { Caller } from './caller.ts'
import type { ServeContext } from './context.ts'
import { serveExchange } from './inference.ts'
import type { WaitsFor } from './kept-streams.ts'
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
  let memory = context.memory.claim(caller)
  const nextBounds = (): ReturnType<typeof uploadBounds> =>
    uploadBounds((bytes) => memory.grow(bytes))
  const reader = new FrameReader(stream, nextBounds())
  const exchange = {
    onUploaded: (scope: AttemptScope) => refuseMore(reader, scope),
    onEnding: () => {
      memory = context.memory.claim(caller)
      reader.restart(nextBounds())
    },
  }
  try {
    for (let what: WaitsFor = 'first'; ; what = 'next') {
      if (!(await begins(reader, stream, what, caller, context))) break
      const one = { stream, reader, memory, kept: exchange }
      if (!(await serveExchange(one, caller, context)) || kept.closing.aborted) break
    }
    const closed = closedWithin(stream, limits.lingerMs, clock)
    await stream.close().catch(() => {})
    await closed
  } catch (error) {
    stream.abort(InferenceError.from(error, 'stream_reset'))
  } finally {
    memory.release()
    reader.close()
  }
}

/** Waits for the first byte of a request. @returns false if none is to come */
async function begins(
  reader: FrameReader,
  stream: Stream,
  what: WaitsFor,
  caller: Caller,
  { kept, limits, clock }: ServeContext,
): Promise<boolean> {
  using place = kept.wait(caller, what)
  if (place === undefined) {
    if (what === 'next') return false
    throw new InferenceError('rate_limited', 'too many streams without a request')
  }
  if (what === 'next') setIdle(stream, clock.wall())
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const ms = what === 'first' ? limits.uploadTimeoutMs : IDLE_MS
  using _timer = clock.after(ms, () => resolve(false), { background: true })
  const begun = Promise.race([reader.readable(), late])
  try {
    // A node that drains tells a new client so, in answer to its request.
    return await (what === 'first' ? begun : raceSignal(begun, kept.closing))
  } catch (error) {
    if (kept.closing.aborted) return false
    throw error
  } finally {
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
