import { createHash } from 'node:crypto'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { concat } from 'uint8arrays/concat'
import { equals } from 'uint8arrays/equals'
import { fromString } from 'uint8arrays/from-string'
import { toString as textOf } from 'uint8arrays/to-string'
import { InferenceError } from '../protocol/index.ts'

const CHECKSUM_BYTES = 4
const MAX_ADDRESSES = 16
/** Far above 16 addresses; decoding base58 takes time quadratic in the length. */
const MAX_LENGTH = 4_096

/** A prefix, then base58 of the body and the first four bytes of a sha256 over it. */
export function inviteText(prefix: string, body: Uint8Array): string {
  return prefix + textOf(concat([body, checksum(body)]), 'base58btc')
}

/** The body of an invite. @throws InferenceError `invalid_request` that says what is wrong with it */
export function inviteBody(prefix: string, text: string): Uint8Array {
  if (!text.startsWith(prefix)) throw refuseInvite(`it does not start with ${prefix}`)
  if (text.length > MAX_LENGTH) throw refuseInvite('it is too long')
  let bytes: Uint8Array
  try {
    bytes = fromString(text.slice(prefix.length), 'base58btc')
  } catch (cause) {
    throw refuseInvite('it contains invalid characters', cause)
  }
  const body = bytes.subarray(0, -CHECKSUM_BYTES)
  if (!equals(checksum(body), bytes.subarray(-CHECKSUM_BYTES))) {
    throw refuseInvite('a character is missing or wrong')
  }
  return body
}

/** Each address with two bytes of length. @throws InferenceError `invalid_request` for a bad address, or more than 16 */
export function addressBytes(addresses: readonly string[]): Uint8Array {
  if (addresses.length > MAX_ADDRESSES) throw refuseInvite(`more than ${MAX_ADDRESSES} addresses`)
  return concat(
    addresses.flatMap((text) => {
      const { bytes } = parseAddress(text)
      return [Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes]
    }),
  )
}

/** @throws InferenceError `invalid_request` */
export function readAddresses(bytes: Uint8Array): string[] {
  const addresses: string[] = []
  for (let rest = bytes; rest.length > 0; ) {
    const length = ((rest[0] ?? 0) << 8) | (rest[1] ?? 0)
    if (rest.length < 2 + length || addresses.length === MAX_ADDRESSES) {
      throw refuseInvite('bad addresses')
    }
    try {
      addresses.push(multiaddr(rest.subarray(2, 2 + length)).toString())
    } catch (cause) {
      throw refuseInvite('it contains an invalid address', cause)
    }
    rest = rest.subarray(2 + length)
  }
  return addresses
}

function parseAddress(text: string): Multiaddr {
  try {
    return multiaddr(text)
  } catch (cause) {
    throw refuseInvite(`${text} is not a valid multiaddr`, cause)
  }
}

function checksum(body: Uint8Array): Uint8Array {
  return createHash('sha256')
    .update('skein-invite')
    .update(body)
    .digest()
    .subarray(0, CHECKSUM_BYTES)
}

export function refuseInvite(why: string, cause?: unknown): InferenceError {
  return new InferenceError('invalid_request', `bad invite: ${why}`, {
    cause,
    details: { param: 'invite' },
  })
}
