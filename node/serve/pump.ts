import { fromString } from 'uint8arrays/from-string'
import type {
  BackendChunk,
  BackendDone,
  BackendEvent,
  EngineProgress,
} from '../../backend/index.ts'
import { InferenceError, LIMITS } from '../../protocol/index.ts'
import {
  type Clock,
  raceSignal,
  SignalRace,
  settledWithin,
  whilePending,
} from '../../timing/index.ts'
import { engineFailure } from './failure.ts'
import { Pauses } from './pauses.ts'
import type { Reply } from './reply.ts'

export interface PumpInit {
  /** Calls the engine, which may report progress before its first chunk. */
  readonly start: (onProgress: (progress: EngineProgress) => void) => AsyncIterable<BackendEvent>
  readonly reply: Pick<Reply, 'encode' | 'offer' | 'send' | 'sendBytes'>
  readonly signal: AbortSignal
  /** Interval of keep-alives while the engine is awaited; until the first chunk each carries the newest progress. */
  readonly keepAliveMs: number
  readonly engineStopMs: number
  /** @default the machine's */
  readonly clock?: Clock
  /** Called once for each chunk and its JSON, after it was sent. The next one is not asked for before it settles. */
  readonly onChunk: (chunk: BackendChunk, json: Uint8Array) => Promise<void>
  /** Called once, when the engine no longer works on the request. */
  readonly onStopped: () => void
}

/**
 * Carries an answer from the engine to the client, chunk by chunk: a client that reads slowly slows the engine.
 *
 * @throws InferenceError for the client; the signal's reason when it fired.
 */
export async function pump(init: PumpInit): Promise<BackendDone> {
  const { reply, signal } = init
  using race = new SignalRace(signal)
  let progress: EngineProgress = { phase: 'working' }
  const engine = startEngine(init, (newest) => {
    progress = newest
  })
  const keepAlive = (): Promise<void> =>
    raceSignal(reply.send({ type: 'keepAlive', progress }), signal)
  let seq = 0
  let sentBytes = 0
  let ended = false
  using pauses = new Pauses(init)
  try {
    for (;;) {
      const event = await (seq === 0
        ? nextEvent(engine, init, race, keepAlive)
        : pauses.during(nextEvent(engine, init, race)))
      ended = event === undefined || event.type === 'done'
      if (event === undefined) throw engineFailure(new Error('the answer has no end'))
      if (event.type === 'done') return event
      const { frame, json } = encodeChunk(event, seq, reply)
      sentBytes += frame.byteLength
      if (frame.byteLength > LIMITS.maxFrameBytes || sentBytes > LIMITS.maxResponseBytes) {
        throw new InferenceError('invalid_request', 'the answer is larger than the protocol allows')
      }
      seq += 1
      if (!reply.offer(frame)) await race.wait(reply.sendBytes(frame))
      await init.onChunk(event, json)
    }
  } finally {
    void stopEngine(engine, ended, init.engineStopMs, init.clock).then(init.onStopped)
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

async function nextEvent(
  engine: AsyncIterator<BackendEvent>,
  { signal, keepAliveMs, clock }: PumpInit,
  race: SignalRace,
  keepAlive?: () => Promise<void>,
): Promise<BackendEvent | undefined> {
  const next = race.wait(begin(engine)).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : engineFailure(error)
  })
  const { done, value } = await (keepAlive === undefined
    ? next
    : whilePending(next, keepAliveMs, keepAlive, { clock }))
  return done === true ? undefined : value
}

/** An engine that throws at once, instead of rejecting, is caught as well. */
async function begin(engine: AsyncIterator<BackendEvent>): Promise<IteratorResult<BackendEvent>> {
  return await engine.next()
}

function encodeChunk(
  chunk: BackendChunk,
  seq: number,
  reply: Pick<Reply, 'encode'>,
): { readonly frame: Uint8Array; readonly json: Uint8Array } {
  try {
    const json = fromString(JSON.stringify(chunk.json))
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
  ended: boolean,
  maxMs: number,
  clock: Clock | undefined,
): Promise<void> {
  const stop = async (): Promise<void> => {
    if (ended && (await engine.next()).done === true) return
    await engine.return?.()
  }
  await settledWithin(stop(), maxMs, { clock })
}
