import type {
  BackendChunk,
  BackendDone,
  BackendEvent,
  EngineProgress,
} from '../../backend/index.ts'
import { InferenceError, LIMITS } from '../../protocol/index.ts'
import { type Clock, type SignalRace, settledWithin } from '../../timing/index.ts'
import { engineFailure } from './failure.ts'
import type { KeepAlives } from './keep-alives.ts'
import type { Reply } from './reply.ts'

export interface PumpInit {
  /** Calls the engine, which may report progress before its first chunk. */
  readonly start: (onProgress: (progress: EngineProgress) => void) => AsyncIterable<BackendEvent>
  readonly reply: Pick<Reply, 'encode' | 'offer' | 'sendBytes'>
  readonly signal: AbortSignal
  /** Of the signal. */
  readonly race: Pick<SignalRace, 'wait'>
  readonly keepAlives: Pick<KeepAlives, 'report' | 'pause' | 'resume'>
  readonly engineStopMs: number
  readonly clock: Clock
  /** Called once for each chunk and its JSON, after it was sent. @returns what the next one waits for */
  readonly onChunk: (chunk: BackendChunk, json: Uint8Array) => Promise<void> | undefined
  /** Called once, when the engine no longer works on the request. */
  readonly onStopped: () => void
}

/**
 * Carries an answer from the engine to the client, chunk by chunk: a client that reads slowly slows the engine.
 *
 * @throws InferenceError for the client; the signal's reason when it fired.
 */
export async function pump(init: PumpInit): Promise<BackendDone> {
  const { race, keepAlives } = init
  keepAlives.report({ phase: 'working' })
  const engine = startEngine(init, (newest) => keepAlives.report(newest))
  let isWhole = false
  try {
    const done = await race.wait(carry(engine, init))
    isWhole = true
    return done
  } finally {
    void stopEngine(engine, isWhole, init.engineStopMs, init.clock).then(init.onStopped)
  }
}

/** Nothing is sent any more once the signal has fired, whenever the engine or the client answers then. */
async function carry(
  engine: AsyncIterator<BackendEvent>,
  { reply, signal, keepAlives, onChunk }: PumpInit,
): Promise<BackendDone> {
  let sentBytes = 0
  for (let seq = 0; ; seq += 1) {
    let event: BackendEvent | undefined
    try {
      const { done, value } = await engine.next()
      event = done === true ? undefined : value
    } catch (error) {
      throw signal.aborted ? signal.reason : engineFailure(error)
    }
    signal.throwIfAborted()
    keepAlives.pause()
    if (event === undefined) throw engineFailure(new Error('the answer has no end'))
    if (event.type === 'done') return event
    const { frame, json } = encodeChunk(event, seq, reply)
    sentBytes += frame.byteLength
    if (frame.byteLength > LIMITS.maxFrameBytes || sentBytes > LIMITS.maxResponseBytes) {
      throw new InferenceError('invalid_request', 'the answer is larger than the protocol allows')
    }
    if (!reply.offer(frame)) {
      await reply.sendBytes(frame)
      signal.throwIfAborted()
    }
    const pause = onChunk(event, json)
    if (pause !== undefined) await pause
    keepAlives.resume()
  }
}

function startEngine(
  { start, onStopped }: PumpInit,
  onProgress: (progress: EngineProgress) => void,
): AsyncIterator<BackendEvent> {
  try {
    return start(onProgress)[Symbol.asyncIterator]()
  } catch (error) {
    onStopped()
    throw engineFailure(error)
  }
}

function encodeChunk(
  chunk: BackendChunk,
  seq: number,
  reply: Pick<Reply, 'encode'>,
): { readonly frame: Uint8Array; readonly json: Uint8Array } {
  try {
    const json = Buffer.from(JSON.stringify(chunk.json))
    const { tokenIds, logprobs } = chunk
    return { frame: reply.encode({ type: 'chunk', seq, json, tokenIds, logprobs }), json }
  } catch (error) {
    throw engineFailure(error)
  }
}

/**
 * Ends a generator; after a complete answer it ends by itself. Never rejects; stops waiting for a hung engine after
 * `maxMs`.
 */
async function stopEngine(
  engine: AsyncIterator<BackendEvent>,
  isWhole: boolean,
  maxMs: number,
  clock: Clock,
): Promise<void> {
  const stop = async (): Promise<void> => {
    if (isWhole && (await engine.next()).done === true) return
    await engine.return?.()
  }
  await settledWithin(stop(), maxMs, { clock })
}
