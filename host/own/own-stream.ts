import type { ComponentLogger, Stream } from '@libp2p/interface'
import { AbstractStream } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'

/** One end of a stream from this host to itself: bytes pass from end to end in memory, in order. */
class OwnStream extends AbstractStream {
  #other: OwnStream | undefined

  join(other: OwnStream): void {
    this.#other = other
  }

  override sendData(data: Uint8ArrayList): { sentBytes: number; canSendMore: boolean } {
    const other = this.#other
    const sentBytes = data.byteLength
    this.#deliver(() => other?.onData(data))
    return { sentBytes, canSendMore: other?.readStatus !== 'paused' }
  }

  override sendReset(): void {
    this.#deliver(() => {
      if (this.#other?.status === 'open' || this.#other?.status === 'closing') {
        this.#other.onRemoteReset()
      }
    })
  }

  override sendCloseWrite(): Promise<void> {
    this.#deliver(() => this.#other?.onRemoteCloseWrite())
    return Promise.resolve()
  }

  override sendCloseRead(): Promise<void> {
    this.#deliver(() => this.#other?.onRemoteCloseRead())
    return Promise.resolve()
  }

  override sendPause(): void {
    this.#other?.onMuxerNeedsDrain()
  }

  override sendResume(): void {
    this.#other?.onMuxerDrain()
  }

  /** Later, so that no writer is called back while it writes. Microtasks keep the order. */
  #deliver(act: () => void): void {
    queueMicrotask(act)
  }
}

let count = 0

/** Both ends of a new stream: the asker's, and the handler's. */
export function ownStreamPair(
  protocol: string,
  logger: ComponentLogger,
): readonly [outbound: Stream, inbound: Stream] {
  count += 1
  const log = logger.forComponent('skein:own-stream')
  const end = (direction: 'inbound' | 'outbound'): OwnStream =>
    new OwnStream({ id: `own-${count}`, protocol, direction, log, maxMessageSize: 65_536 })
  const [outbound, inbound] = [end('outbound'), end('inbound')]
  outbound.join(inbound)
  inbound.join(outbound)
  return [outbound, inbound]
}
