import {
  type Connection,
  type Stream,
  type StreamMuxer,
  UnsupportedProtocolError,
} from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { InferenceError, PROTOCOLS } from '../protocol/index.ts'
import { systemClock } from '../timing/index.ts'

/** What the answer to multistream-select begins with. */
const HEADER = '/multistream/1.0.0'
/** The length of a longer protocol id would take two bytes. */
const MAX_PROTOCOL_LENGTH = 126
/** Silence of a connection, with a confirmation outstanding, after which nothing gets through. */
const CONFIRM_MS = 5_000
/** Spoken by every Skein peer, or every one of a swarm with members: asked before identify has said so. */
const ASSUMED: ReadonlySet<string> = new Set([PROTOCOLS.advertisement, PROTOCOLS.membership])

/** For `dialProtocol` and `newStream`. */
export interface EarlyOptions {
  /** The peer lists the protocol in its advertisement. Counts until identify has said which it speaks. @default false */
  readonly isAdvertised?: boolean
  /** Longest silence of the whole connection until the peer confirms the protocol. @default 5_000 */
  readonly confirmWithinMs?: number
}

/** The parts of a `@libp2p/yamux` 8 stream that its interface leaves out. */
interface EarlyStream extends Stream {
  onData(data: Uint8Array | Uint8ArrayList): void
  onRemoteCloseWrite(): void
  onRemoteReset(): void
  onTransportClosed(error?: Error): void
}

type CreateOptions = EarlyOptions & { readonly protocol?: string }

/** What is known of the other side of a muxer. */
interface Spoken {
  protocols: ReadonlySet<string>
  /** Whether identify has listed them, or one was refused. */
  isSure: boolean
  /** Messages that came over the connection. */
  messages: number
}

/** The parts of a `@libp2p/yamux` 8 muxer that its interface leaves out. */
interface ReceivingMuxer extends StreamMuxer {
  onData(data: Uint8Array | Uint8ArrayList): void
}

const spokenOver = new WeakMap<StreamMuxer, Spoken>()

/**
 * Opens streams of known protocols without waiting for multistream-select: the choice leaves together with the first
 * data, and its confirmation is checked when it comes. That saves one round trip for each new stream. Other
 * implementations call it lazy negotiation.
 *
 * A protocol is known once identify has listed it for the connection, and before that from an advertisement. If the
 * other side refuses it after all, the stream fails with `dial_failed` and an UnsupportedProtocolError as its cause; if
 * nothing at all comes over the connection, or the stream or its connection ends first, it fails with `dial_failed`,
 * too. Either way the failure is the one that opening the stream would have had.
 */
export function openEarly(muxer: StreamMuxer): void {
  const spoken: Spoken = { protocols: ASSUMED, isSure: false, messages: 0 }
  spokenOver.set(muxer, spoken)
  const receiving = muxer as ReceivingMuxer
  const onData = receiving.onData.bind(receiving)
  receiving.onData = (data) => {
    spoken.messages += 1
    onData(data)
  }
  const createStream = muxer.createStream.bind(muxer)
  muxer.createStream = async (options) => {
    const stream = await createStream(options)
    const {
      protocol = '',
      confirmWithinMs = CONFIRM_MS,
      isAdvertised,
    }: CreateOptions = options ?? {}
    const isKnown = spoken.protocols.has(protocol) || (isAdvertised === true && !spoken.isSure)
    if (isKnown && protocol.length <= MAX_PROTOCOL_LENGTH) {
      choose(stream as EarlyStream, protocol, confirmWithinMs, spoken)
    }
    return stream
  }
}

/** Records which protocols the peer listed over this connection. */
export function noteProtocols(connection: Connection, protocols: readonly string[]): void {
  const spoken = spokenOf(connection)
  if (spoken !== undefined) learn(spoken, protocols)
}

/** Messages that came over the connection so far; 0 where its muxer does not count them. */
export function messagesOver(connection: Connection): number {
  return spokenOf(connection)?.messages ?? 0
}

function spokenOf(connection: Connection): Spoken | undefined {
  const { muxer } = connection as unknown as { readonly muxer?: StreamMuxer }
  return muxer && spokenOver.get(muxer)
}

function learn(spoken: Spoken, protocols: readonly string[]): void {
  spoken.protocols = new Set(protocols)
  spoken.isSure = true
}

/** Chooses the protocol of a new stream, and takes the confirmation out of what comes back. */
function choose(
  stream: EarlyStream,
  protocol: string,
  confirmWithinMs: number,
  spoken: Spoken,
): void {
  const choice = Buffer.concat([line(HEADER), line(protocol)])
  const received = new Uint8ArrayList()
  const onData = stream.onData.bind(stream)
  let { messages } = spoken
  let silent = 0
  let timer: Disposable
  /** Looks twice, so that what waits in this machine's socket is read in between. */
  const look = (): void => {
    silent = spoken.messages === messages ? silent + 1 : 0
    messages = spoken.messages
    if (silent < 2) arm()
    else stream.abort(dialFailed(new Error(`no answer in ${confirmWithinMs} ms`)))
  }
  const arm = (): void => {
    timer = systemClock.after(confirmWithinMs / 2, look, { background: true })
  }
  arm()
  const restore = failAsDials(stream)
  const settle = (): void => {
    timer[Symbol.dispose]()
    stream.onData = onData
    restore()
  }
  stream.addEventListener('close', settle, { once: true })
  stream.onData = (data) => {
    received.append(data)
    const length = Math.min(received.byteLength, choice.byteLength)
    if (!choice.subarray(0, length).equals(received.subarray(0, length))) {
      learn(spoken, [])
      stream.abort(dialFailed(new UnsupportedProtocolError(`it does not speak ${protocol}`)))
    } else if (length === choice.byteLength) {
      settle()
      stream.removeEventListener('close', settle)
      received.consume(length)
      onData(received)
    }
  }
  stream.protocol = protocol
  stream.send(choice)
}

/** Until restored, any end of the stream is the failure of a dial: its peer has not been reached yet. */
function failAsDials(stream: EarlyStream): () => void {
  const { abort, onRemoteCloseWrite, onRemoteReset, onTransportClosed } = stream
  let isRestored = false
  const restore = (): void => {
    isRestored = true
    Object.assign(stream, { abort, onRemoteCloseWrite, onRemoteReset, onTransportClosed })
  }
  const lose = (cause: Error): void => {
    restore()
    stream.abort(InferenceError.is(cause) ? cause : dialFailed(cause))
  }
  stream.abort = lose
  stream.onRemoteReset = () => lose(new Error('it reset the stream'))
  stream.onTransportClosed = (error) => lose(error ?? new Error('the connection was lost'))
  stream.onRemoteCloseWrite = () => {
    // The confirmation may follow in the same frame.
    queueMicrotask(() => {
      if (isRestored) stream.onRemoteCloseWrite()
      else lose(new Error('it ended the stream'))
    })
  }
  return restore
}

/** One message of multistream-select. Protocol ids are short: the length takes one byte. */
function line(text: string): Uint8Array {
  const message = Buffer.from(`${text}\n`)
  return Buffer.concat([Uint8Array.of(message.length), message])
}

function dialFailed(cause: Error): InferenceError {
  return new InferenceError('dial_failed', `cannot reach the peer: ${cause.message}`, { cause })
}
