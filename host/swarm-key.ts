import { generateKey } from '@libp2p/pnet'
import { fromString } from 'uint8arrays/from-string'
import { toString as textOf } from 'uint8arrays/to-string'
import { InferenceError } from '../protocol/index.ts'

/** Bytes of the secret itself. */
export const SWARM_SECRET_BYTES = 32

const HEADER = '/key/swarm/psk/1.0.0/\n/base16/\n'

/** A new key for a private swarm, in libp2p's text format, as other libp2p programs read it. */
export function createSwarmKey(): Uint8Array {
  const key = new Uint8Array(HEADER.length + SWARM_SECRET_BYTES * 2)
  generateKey(key)
  return key
}

/** @throws InferenceError `invalid_request` if the text is not a key in that format. */
export function swarmSecret(key: Uint8Array): Uint8Array {
  const text = textOf(key).trim()
  const hex = text.startsWith(HEADER) ? text.slice(HEADER.length) : ''
  if (!/^[0-9a-f]{64}$/i.test(hex)) {
    throw new InferenceError(
      'invalid_request',
      'not a swarm key: expected /key/swarm/psk/1.0.0/ in base16',
    )
  }
  return fromString(hex.toLowerCase(), 'base16')
}

/** The pre-shared key of a private swarm, as libp2p's protector reads it. @param secret 32 random bytes */
export function swarmKeyOf(secret: Uint8Array): Uint8Array {
  return fromString(HEADER + textOf(secret, 'base16'))
}
