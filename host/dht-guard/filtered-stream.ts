import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import * as lengthPrefixed from 'it-length-prefixed'
import { Uint8ArrayList } from 'uint8arraylist'

/** Most bytes of a varint whose value is within our bounds. */
const MAX_LENGTH_BYTES = 4

export interface FilterInit {
  readonly maxMessageBytes: number
  /** @returns the message to deliver instead; undefined drops it. An exception ends the stream. */
  readonly filter: (message: Uint8Array) => Uint8Array | undefined
}

type Listener = (event: StreamMessageEvent) => void

/**
 * Filters the length-prefixed messages of a stream before listeners get them. Buffers at most one message; a length
 * beyond the bound ends the stream before its bytes are read.
 */
export function filteredStream(stream: Stream, init: FilterInit): Stream {
  const wrapped = new Map<unknown, Listener>()
  const wrap = (listener: Listener | { handleEvent: Listener }): Listener => {
    const buffer = new Uint8ArrayList()
    let failed = false
    return (event) => {
      if (failed) return
      buffer.append(event.data)
      try {
        for (const message of takeMessages(buffer, init.maxMessageBytes)) {
          const passed = init.filter(message)
          if (passed === undefined) continue
          Object.defineProperty(event, 'data', {
            value: lengthPrefixed.encode.single(passed),
            configurable: true,
          })
          if (typeof listener === 'function') listener.call(stream, event)
          else listener.handleEvent(event)
        }
      } catch (error) {
        failed = true
        buffer.consume(buffer.byteLength)
        stream.abort(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }
  return new Proxy(stream, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      // A logger is a function with further functions as properties, which a bound one would lack.
      if (typeof value !== 'function' || name === 'log') return value
      if (name === 'addEventListener') {
        return (type: string, listener: Listener, options?: unknown) => {
          const heard = type === 'message' ? wrap(listener) : listener
          if (type === 'message') wrapped.set(listener, heard)
          return value.call(target, type, heard, options)
        }
      }
      if (name === 'removeEventListener') {
        return (type: string, listener: Listener, options?: unknown) =>
          value.call(target, type, wrapped.get(listener) ?? listener, options)
      }
      return value.bind(target)
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  })
}

function* takeMessages(buffer: Uint8ArrayList, maxBytes: number): Generator<Uint8Array> {
  for (;;) {
    const prefix = lengthOf(buffer)
    if (prefix === undefined) return
    if (prefix.length > maxBytes) throw new Error('the message is longer than allowed')
    const end = prefix.bytes + prefix.length
    if (buffer.byteLength < end) return
    const message = buffer.slice(prefix.bytes, end)
    buffer.consume(end)
    yield message
  }
}

function lengthOf(buffer: Uint8ArrayList): { length: number; bytes: number } | undefined {
  let length = 0
  for (let at = 0; at < buffer.byteLength; at += 1) {
    if (at >= MAX_LENGTH_BYTES) throw new Error('the message is longer than allowed')
    const byte = buffer.get(at)
    length += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) return { length, bytes: at + 1 }
  }
  return undefined
}
