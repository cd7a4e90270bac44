import type { StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { Uint8ArrayList } from 'uint8arraylist'
import { keepAliveMs, MUXER } from './defaults.ts'
import { openEarly } from './early-streams.ts'

/** Bytes that wait for the end of the turn. More are sent at once, so that a writer feels a full socket. */
const MAX_BATCH_BYTES = 64 * 1024
/** Received bytes of a stream after which a window update goes out: over a slow line it shows that they arrive. */
const UPDATE_BYTES = 64 * 1024
/** States of a Yamux stream in which the next frame carries a flag: it opens the stream, or accepts it. */
const OPENING_STATES: readonly number[] = [0, 2]

/** States of a stream that something still reads, or will read. */
const READING: readonly string[] = ['readable', 'paused']

/** The parts of `@libp2p/yamux` 8 that its interface leaves out. */
interface YamuxParts {
  send(data: Uint8Array | Uint8ArrayList): boolean
  close(...options: readonly unknown[]): Promise<void>
  _newStream(...init: readonly unknown[]): YamuxStreamParts
}

interface YamuxStreamParts {
  readonly state: number
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  readonly readStatus: string
  readonly direction: string
  protocol: string
  sendWindowUpdate(): void
  sendResume(): void
  onRemoteCloseWrite(): void
}

/**
 * Yamux that sends less often. As shipped it answers every message with a window update, and each frame is encrypted and
 * written to the socket by itself, which was a third of the CPU of a streamed answer.
 */
export function muxer(): () => StreamMuxerFactory {
  return () => {
    const factory: StreamMuxerFactory = yamux()()
    factory.createStreamMuxer = (connection) => {
      const keepAliveInterval = keepAliveMs(connection.direction, Math.random())
      return economical(yamux({ ...MUXER, keepAliveInterval })().createStreamMuxer(connection))
    }
    return factory
  }
}

function economical(muxer: StreamMuxer): StreamMuxer {
  const parts = muxer as unknown as YamuxParts
  batchFrames(parts)
  const newStream = parts._newStream.bind(parts)
  parts._newStream = (...init) => endAfterChoice(stayPaused(updateSeldom(newStream(...init))))
  openEarly(muxer)
  return muxer
}

/** Sends the frames of one turn of the event loop, of all streams, as one message: Noise and TCP work per message. */
function batchFrames(parts: YamuxParts): void {
  const send = parts.send.bind(parts)
  const close = parts.close.bind(parts)
  let batch: Uint8ArrayList | undefined
  const flush = (): boolean => {
    const bytes = batch
    batch = undefined
    return bytes === undefined ? true : send(bytes.subarray())
  }
  const flushLater = (): void => {
    try {
      flush()
    } catch {
      // The connection closed meanwhile, and its streams with it.
    }
  }
  parts.send = (data) => {
    if (batch === undefined) {
      batch = new Uint8ArrayList()
      setImmediate(flushLater)
    }
    batch.append(data)
    return batch.byteLength < MAX_BATCH_BYTES ? true : flush()
  }
  parts.close = async (...options) => {
    await close(...options)
    flushLater()
  }
}

/**
 * Sends a window update for every {@link UPDATE_BYTES} received. Other implementations wait until half of the window is
 * used; over a slow line that is a silence of many seconds, in which a connection that uploads looks dead. Once reading
 * is over none is sent: what is discarded costs as much to decrypt as what is used, so the sender has to stop.
 */
function updateSeldom(stream: YamuxStreamParts): YamuxStreamParts {
  const update = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    const { state, readStatus, recvWindow, recvWindowCapacity } = stream
    const isDue = recvWindow - recvWindowCapacity >= UPDATE_BYTES && READING.includes(readStatus)
    if (OPENING_STATES.includes(state) || isDue) update()
  }
  return stream
}

/**
 * A reader that is handed what was kept, and pauses the stream again meanwhile, stays paused. As shipped, the stream then
 * goes on asking for more, until its buffer overflows and it is reset.
 */
function stayPaused(stream: YamuxStreamParts): YamuxStreamParts {
  const resume = stream.sendResume.bind(stream)
  stream.sendResume = () => {
    if (stream.readStatus !== 'paused') resume()
  }
  return stream
}

/**
 * An end that comes while the protocol is being chosen counts once it is chosen. As shipped, a question that arrives
 * whole in one piece has its end before multistream-select has given back the bytes behind the choice, which a stream
 * that has ended does not take: it is reset.
 */
function endAfterChoice(stream: YamuxStreamParts): YamuxStreamParts {
  if (stream.direction !== 'inbound') return stream
  const end = stream.onRemoteCloseWrite.bind(stream)
  let { protocol } = stream
  let hasEnded = false
  stream.onRemoteCloseWrite = () => {
    hasEnded = true
    if (protocol !== '') end()
  }
  Object.defineProperty(stream, 'protocol', {
    get: () => protocol,
    set: (chosen: string) => {
      protocol = chosen
      if (hasEnded) end()
    },
  })
  return stream
}
