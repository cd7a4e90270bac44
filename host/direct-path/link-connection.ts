import type { Connection, Logger } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Uint8ArrayList } from 'uint8arraylist'
import { DIRECT_PATH } from './limits.ts'
import type { Link } from './link.ts'

export interface LinkConnectionInit {
  readonly link: Link
  readonly remoteAddr: Multiaddr
  readonly direction: 'inbound' | 'outbound'
  readonly log: Logger
}

const links = new WeakMap<Multiaddr, Link>()

/** The link that a connection runs over: both have the same address object. `undefined` for a connection of another kind. */
export function linkOf({ remoteAddr }: Pick<Connection, 'remoteAddr'>): Link | undefined {
  return links.get(remoteAddr)
}

/** A link as libp2p's upgrader takes it: bytes in order, protected and encrypted as over TCP. */
export class LinkConnection extends AbstractMultiaddrConnection {
  readonly #link: Link

  constructor({ link, ...rest }: LinkConnectionInit) {
    super({ ...rest, maxMessageSize: DIRECT_PATH.sentMessageSize })
    this.#link = link
    links.set(this.remoteAddr, link)
    link.attach({
      onBytes: (bytes) => this.onData(bytes),
      onDrain: () => this.safeDispatchEvent('drain'),
      onEnd: (error) => this.onTransportClosed(error),
    })
  }

  override sendData(data: Uint8ArrayList): SendResult {
    const canSendMore = this.#link.send(data.subarray())
    return { sentBytes: data.byteLength, canSendMore }
  }

  override sendReset(): void {
    this.#link.close()
  }

  override async sendClose(): Promise<void> {
    await this.#link.flush()
  }

  /** WebRTC cannot slow its sender down: what comes is kept, up to libp2p's bound. */
  override sendPause(): void {}

  override sendResume(): void {}
}
