import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { IdleTimer, pause } from '../../timing/index.ts'

export interface CircuitInit {
  /** The two streams that become one connection. */
  readonly ends: readonly [Stream, Stream]
  /** Called for all bytes passed on. @returns milliseconds until the next ones may be read */
  readonly take: (bytes: number) => number
  /** Ends a circuit on which nothing moves. */
  readonly idleTimeoutMs: number
  /** Ends the circuit at once. */
  readonly signal: AbortSignal
}

/**
 * Passes bytes between two streams until both have ended, or one fails; then the other is reset, never closed: a cut
 * must not look like a regular end. A reader that is slow, or a rate that is used up, pauses the sender, so that no more than
 * a stream's window waits here. Resolves when it is over.
 */
export async function runCircuit(init: CircuitInit): Promise<void> {
  const [left, right] = init.ends
  const over = new AbortController()
  const cut = (error: Error): void => over.abort(error)
  using idle = new IdleTimer(init.idleTimeoutMs, () =>
    cut(new Error(`nothing was relayed for ${init.idleTimeoutMs} ms`)),
  )
  const onSignal = (): void => cut(new Error('the relay stops'))
  init.signal.addEventListener('abort', onSignal, { once: true })
  if (init.signal.aborted) onSignal()
  const context = {
    take: (bytes: number) => {
      idle.touch()
      return init.take(bytes)
    },
    cut,
    signal: over.signal,
  }
  const closed = new Promise<void>((resolve) => {
    over.signal.addEventListener('abort', () => resolve(), { once: true })
    if (over.signal.aborted) resolve()
  })
  try {
    await Promise.race([
      Promise.all([passOn(left, right, context), passOn(right, left, context)]),
      closed,
    ])
  } finally {
    init.signal.removeEventListener('abort', onSignal)
    const reason: unknown = over.signal.reason
    if (over.signal.aborted && reason instanceof Error)
      for (const end of init.ends) end.abort(reason)
    over.abort()
  }
}

interface Passing {
  readonly take: (bytes: number) => number
  readonly cut: (error: Error) => void
  readonly signal: AbortSignal
}

/** One direction. Resolves once the source has ended and the target was closed. */
function passOn(source: Stream, target: Stream, { take, cut, signal }: Passing): Promise<void> {
  return new Promise((resolve) => {
    const onMessage = ({ data }: StreamMessageEvent): void => {
      const waitMs = take(data.byteLength)
      try {
        if (target.send(data) && waitMs <= 0) return
        source.pause()
      } catch (error) {
        cut(error instanceof Error ? error : new Error(String(error)))
        return
      }
      void wait(waitMs).then(() => {
        if (source.readStatus === 'paused') source.resume()
      }, cut)
    }
    const wait = async (waitMs: number): Promise<void> => {
      if (target.writableNeedsDrain) await drained(target, signal)
      if (waitMs > 0) await pause(waitMs, { signal })
    }
    // A connection that is lost ends its streams, too, without the remote having closed them.
    let remoteClosed = source.status === 'open' && source.remoteWriteStatus === 'closed'
    const onRemoteClose = (): void => {
      remoteClosed = true
    }
    const onEnd = (): void => {
      release()
      if (remoteClosed) target.close({ signal }).then(resolve, cut)
      else cut(new Error('the connection was lost'))
    }
    const onClose = ({ error }: StreamCloseEvent): void => {
      cut(error ?? new Error('the connection was lost'))
    }
    const release = (): void => {
      source.removeEventListener('remoteCloseWrite', onRemoteClose)
      source.removeEventListener('message', onMessage)
      source.removeEventListener('end', onEnd)
      source.removeEventListener('close', onClose)
      signal.removeEventListener('abort', release)
    }
    signal.addEventListener('abort', release, { once: true })
    source.addEventListener('remoteCloseWrite', onRemoteClose)
    source.addEventListener('end', onEnd)
    source.addEventListener('close', onClose)
    source.addEventListener('message', onMessage)
    if (source.readableEnded && source.readBufferLength === 0) onEnd()
    else if (source.status !== 'open') cut(new Error('the connection was lost'))
  })
}

/** `stream.onDrain()` resolves at once from its second call on (libp2p 3.3), so the events it is. */
function drained(stream: Stream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.removeEventListener('drain', settle)
      stream.removeEventListener('close', settle)
      signal.removeEventListener('abort', settle)
      resolve()
    }
    stream.addEventListener('drain', settle)
    stream.addEventListener('close', settle)
    signal.addEventListener('abort', settle)
    if (signal.aborted || stream.status !== 'open') settle()
  })
}
