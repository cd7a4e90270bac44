import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Length of a nonce of libp2p's protector. */
export const NONCE_BYTES = 24
const RANDOM_BYTES = 16
const HINT_LABEL = 'skein-key-hint\0'

/**
 * A nonce that says, to those who have the key, which key its sender uses: 16 random bytes and 8 bytes of an HMAC over
 * them. To all others it is random, and peers that expect a random nonce take it.
 */
export function hintedNonce(secret: Uint8Array): Uint8Array {
  const random = randomBytes(RANDOM_BYTES)
  return Buffer.concat([random, hintOf(secret, random)])
}

/** The key that the nonce hints at. @returns undefined for another key, or a nonce that is all random */
export function hintedSecret(
  nonce: Uint8Array,
  secrets: readonly Uint8Array[],
): Uint8Array | undefined {
  const random = nonce.subarray(0, RANDOM_BYTES)
  const hint = nonce.subarray(RANDOM_BYTES)
  return secrets.find((secret) => timingSafeEqual(hintOf(secret, random), hint))
}

function hintOf(secret: Uint8Array, random: Uint8Array): Uint8Array {
  const mac = createHmac('sha256', secret).update(HINT_LABEL).update(random).digest()
  return mac.subarray(0, NONCE_BYTES - RANDOM_BYTES)
}
