import type { AbortOptions, Logger, MultiaddrConnection } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import xsalsa20 from 'xsalsa20'

export interface CipheredInit {
  readonly connection: MultiaddrConnection
  /** 32 bytes. */
  readonly secret: Uint8Array
  readonly localNonce: Uint8Array
  readonly remoteNonce: Uint8Array
  readonly log: Logger
}

/** A connection whose bytes are XORed with XSalsa20 streams, as by libp2p's protector. */
export class CipheredConnection extends AbstractMultiaddrConnection {
  readonly #connection: MultiaddrConnection
  readonly #outbound: ReturnType<typeof xsalsa20>

  constructor({ connection, secret, localNonce, remoteNonce, log }: CipheredInit) {
    const { remoteAddr, direction } = connection
    super({ remoteAddr, direction, log })
    this.#connection = connection
    this.#outbound = xsalsa20(localNonce, secret)
    const inbound = xsalsa20(remoteNonce, secret)
    connection.addEventListener('message', ({ data }) => {
      const parts = data instanceof Uint8Array ? [data] : data
      for (const part of parts) this.onData(inbound.update(part))
    })
    connection.addEventListener('drain', () => this.onMuxerDrain())
    connection.addEventListener('close', ({ error, local }) => {
      if (error === undefined) this.onTransportClosed()
      else if (local === true) this.abort(error)
      else this.onRemoteReset()
    })
  }

  async sendClose(options?: AbortOptions): Promise<void> {
    await this.#connection.close(options)
  }

  sendData(data: Uint8ArrayList): SendResult {
    return {
      sentBytes: data.byteLength,
      canSendMore: this.#connection.send(this.#outbound.update(data.subarray())),
    }
  }

  sendReset(error: Error): void {
    this.#connection.abort(error)
  }

  sendPause(): void {
    this.#connection.pause()
  }

  sendResume(): void {
    this.#connection.resume()
  }
}
