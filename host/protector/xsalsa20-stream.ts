import { xsalsa20 } from '@noble/ciphers/salsa.js'

const BLOCK_BYTES = 64

/**
 * One direction of a connection: each call goes on where the last one ended. Libraries with a shared memory for all
 * streams fail with many connections: that memory grows with them and is never given back.
 */
export class XSalsa20Stream {
  readonly #key: Uint8Array
  readonly #nonce: Uint8Array
  #position = 0

  /** @param key 32 bytes @param nonce 24 bytes, used for this stream only */
  constructor(key: Uint8Array, nonce: Uint8Array) {
    this.#key = Uint8Array.from(key)
    this.#nonce = Uint8Array.from(nonce)
  }

  /** XORs with the next bytes of the stream. @throws Error after 256 GiB, the end of the counter */
  update(data: Uint8Array): Uint8Array {
    const ahead = this.#position % BLOCK_BYTES
    const counter = (this.#position - ahead) / BLOCK_BYTES
    const blocks = new Uint8Array(ahead + data.length)
    blocks.set(data, ahead)
    xsalsa20(this.#key, this.#nonce, blocks, blocks, counter)
    this.#position += data.length
    return blocks.subarray(ahead)
  }
}
