import { createHash } from 'node:crypto'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { concat } from 'uint8arrays/concat'
import { equals } from 'uint8arrays/equals'
import { fromString } from 'uint8arrays/from-string'
import { toString as textOf } from 'uint8arrays/to-string'
import { InferenceError } from '../protocol/index.ts'
import { SWARM_SECRET_BYTES, swarmKeyOf, swarmSecret } from './swarm-key.ts'

/** Key and addresses for joining a private swarm. Anyone who has it can join: treat it as a password. */
export interface Invite {
  /** In libp2p's text format. */
  readonly swarmKey: Uint8Array
  /** Multiaddrs of peers to join through, each ending in `/p2p/…`. May be empty. */
  readonly bootstrap: readonly string[]
}

const PREFIX = 'skein1'
const VERSION = 1
const CHECKSUM_BYTES = 4
const MAX_ADDRESSES = 16
/** Far above 16 addresses; decoding base58 takes time quadratic in the length. */
const MAX_LENGTH = 4_096

/**
 * One string that carries key and addresses: `skein1` and base58 of version, secret, addresses (two bytes of length
 * each) and the first four bytes of a sha256 over these.
 *
 * @throws InferenceError `invalid_request` for a bad key or address, or more than 16 addresses.
 */
export function encodeInvite(invite: Invite): string {
  if (invite.bootstrap.length > MAX_ADDRESSES) throw refuse(`more than ${MAX_ADDRESSES} addresses`)
  const addresses = invite.bootstrap.map((text) => parseAddress(text).bytes)
  const body = concat([
    Uint8Array.of(VERSION),
    swarmSecret(invite.swarmKey),
    ...addresses.flatMap((bytes) => [Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes]),
  ])
  return PREFIX + textOf(concat([body, checksum(body)]), 'base58btc')
}

/** @throws InferenceError `invalid_request` that says what is wrong with it. */
export function decodeInvite(text: string): Invite {
  const trimmed = text.trim()
  if (!trimmed.startsWith(PREFIX)) throw refuse(`it does not start with ${PREFIX}`)
  if (trimmed.length > MAX_LENGTH) throw refuse('it is too long')
  let bytes: Uint8Array
  try {
    bytes = fromString(trimmed.slice(PREFIX.length), 'base58btc')
  } catch (cause) {
    throw refuse('it contains invalid characters', cause)
  }
  const body = bytes.subarray(0, -CHECKSUM_BYTES)
  if (!equals(checksum(body), bytes.subarray(-CHECKSUM_BYTES))) {
    throw refuse('a character is missing or wrong')
  }
  if (body[0] !== VERSION) throw refuse(`version ${body[0] ?? '?'} is not supported`)
  const secret = body.subarray(1, 1 + SWARM_SECRET_BYTES)
  if (secret.length < SWARM_SECRET_BYTES) throw refuse('the key is truncated')
  return {
    swarmKey: swarmKeyOf(secret),
    bootstrap: readAddresses(body.subarray(1 + SWARM_SECRET_BYTES)),
  }
}

function readAddresses(bytes: Uint8Array): string[] {
  const addresses: string[] = []
  for (let rest = bytes; rest.length > 0; ) {
    const length = ((rest[0] ?? 0) << 8) | (rest[1] ?? 0)
    if (rest.length < 2 + length || addresses.length === MAX_ADDRESSES)
      throw refuse('bad addresses')
    try {
      addresses.push(multiaddr(rest.subarray(2, 2 + length)).toString())
    } catch (cause) {
      throw refuse('it contains an invalid address', cause)
    }
    rest = rest.subarray(2 + length)
  }
  return addresses
}

function parseAddress(text: string): Multiaddr {
  try {
    return multiaddr(text)
  } catch (cause) {
    throw refuse(`${text} is not a valid multiaddr`, cause)
  }
}

function checksum(body: Uint8Array): Uint8Array {
  return createHash('sha256')
    .update('skein-invite')
    .update(body)
    .digest()
    .subarray(0, CHECKSUM_BYTES)
}

function refuse(why: string, cause?: unknown): InferenceError {
  return new InferenceError('invalid_request', `bad invite: ${why}`, {
    cause,
    details: { param: 'invite' },
  })
}
