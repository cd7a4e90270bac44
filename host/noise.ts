import { createSecretKey, getCiphers, type KeyObject } from 'node:crypto'
import { noise as libp2pNoise } from '@chainsafe/libp2p-noise'
import { asCrypto, defaultCrypto, nodeCrypto } from '@chainsafe/libp2p-noise/crypto'
import type { ConnectionEncrypter } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/** WebAssembly is faster for less: OpenSSL needs a cipher for each message. */
const OPENSSL_FROM_BYTES = 500
/** Electron's OpenSSL has no such cipher. */
const HAS_CIPHER: boolean = getCiphers().includes('chacha20-poly1305')
/** Longest message that a prefix can announce, and of the prefix. */
const MAX_MESSAGE_BYTES = 65_535
const PREFIX_BYTES = 2

type Crypto = typeof defaultCrypto

/** The parts of `@chainsafe/libp2p-noise` 17 that its interface leaves out. */
interface SecuredParts {
  readonly decoder?: { lengthDecoder: (bytes: Uint8ArrayList) => number }
}

/**
 * Noise without the errors that it throws and catches for every message: OpenSSL gets the key as a KeyObject, since an
 * error tells Node's `createCipheriv` that bytes are no such object, and the end of what was received is no error. A long
 * message takes a third of the time.
 */
export function noise(): (
  ...components: Parameters<ReturnType<typeof libp2pNoise>>
) => ConnectionEncrypter {
  const create = libp2pNoise({ crypto: { ...defaultCrypto, ...ciphers() } })
  return (components) => {
    const encrypter = create(components)
    const inbound = encrypter.secureInbound.bind(encrypter)
    const outbound = encrypter.secureOutbound.bind(encrypter)
    return Object.assign(encrypter, {
      secureInbound: async (...call: Parameters<typeof inbound>) =>
        decoding(await inbound(...call)),
      secureOutbound: async (...call: Parameters<typeof outbound>) =>
        decoding(await outbound(...call)),
    })
  }
}

function ciphers(): Pick<Crypto, 'chaCha20Poly1305Decrypt' | 'chaCha20Poly1305Encrypt'> {
  const objects = new WeakMap<Uint8Array, KeyObject>()
  const keyOf = (bytes: Uint8Array): Uint8Array => {
    let key = objects.get(bytes)
    if (key === undefined) {
      key = createSecretKey(bytes)
      objects.set(bytes, key)
    }
    // Only passed on to Node, which takes both.
    return key as unknown as Uint8Array
  }
  const isLong = ({ byteLength }: { readonly byteLength: number }): boolean =>
    HAS_CIPHER && byteLength >= OPENSSL_FROM_BYTES
  return {
    chaCha20Poly1305Encrypt: (plaintext, nonce, ad, key) =>
      isLong(plaintext)
        ? nodeCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, keyOf(key))
        : asCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, key),
    chaCha20Poly1305Decrypt: (ciphertext, nonce, ad, key, dst) =>
      isLong(ciphertext)
        ? nodeCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, keyOf(key), dst)
        : asCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, key, dst),
  }
}

/** Where a length has not arrived, the decoder waits for the longest message instead of an error. */
function decoding<T extends { readonly connection: object }>(secured: T): T {
  const { decoder } = secured.connection as SecuredParts
  if (decoder !== undefined) {
    decoder.lengthDecoder = (bytes) =>
      bytes.byteLength < PREFIX_BYTES ? MAX_MESSAGE_BYTES : bytes.getUint16(0)
  }
  return secured
}
