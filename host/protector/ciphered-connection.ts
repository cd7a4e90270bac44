import type { AbortOptions, Logger, MultiaddrConnection } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import { XSalsa20Stream } from './xsalsa20-stream.ts'

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
  readonly #outbound: XSalsa20Stream

  constructor({ connection, secret, localNonce, remoteNonce, log }: CipheredInit) {
    const { remoteAddr, direction } = connection
    super({ remoteAddr, direction, log })
    this.#connection = connection
    this.#outbound = new XSalsa20Stream(secret, localNonce)
    const inbound = new XSalsa20Stream(secret, remoteNonce)
    connection.addEventListener('message', ({ data }) => {
      const parts = data instanceof Uint8Array ? [data] : data
      for (const part of parts) {
        const clear = this.#next(inbound, part)
        if (clear === undefined) return
        this.onData(clear)
      }
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
    const ciphered = this.#next(this.#outbound, data.subarray())
    return {
      sentBytes: data.byteLength,
      canSendMore: ciphered !== undefined && this.#connection.send(ciphered),
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

  /** Ends the connection with its cipher, after 256 GiB: its peers dial anew. */
  #next(stream: XSalsa20Stream, data: Uint8Array): Uint8Array | undefined {
    try {
      return stream.update(data)
    } catch (error) {
      this.abort(error as Error)
      return undefined
    }
  }
}
