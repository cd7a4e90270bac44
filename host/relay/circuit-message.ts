import type { AbortOptions, Stream } from '@libp2p/interface'
import { type LengthPrefixedStream, lpStream } from '@libp2p/utils'
import { MAX_CIRCUIT_MESSAGE_BYTES } from '../../protocol/index.ts'

/** Reads and writes the messages at the beginning of a hop or stop stream, of which the rest is the circuit's bytes. */
export interface CircuitMessages {
  read(options: AbortOptions): Promise<Uint8Array>
  write(message: Uint8Array, options: AbortOptions): Promise<void>
  /** The stream as it goes on after the last message. */
  unwrap(): Stream
}

export function circuitMessages(stream: Stream): CircuitMessages {
  const messages: LengthPrefixedStream<Stream> = lpStream(stream, {
    maxDataLength: MAX_CIRCUIT_MESSAGE_BYTES,
  })
  return {
    read: async (options) => (await messages.read(options)).subarray(),
    write: (message, options) => messages.write(message, options),
    unwrap: () => messages.unwrap(),
  }
}
