import { concat } from 'uint8arrays/concat'
import { addressBytes, inviteBody, inviteText, readAddresses, refuseInvite } from './invite-text.ts'
import { MEMBER_INVITE_PREFIX } from './members/index.ts'
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

/**
 * One string that carries key and addresses: `skein1` and base58 of version, secret, addresses (two bytes of length
 * each) and the first four bytes of a sha256 over these.
 *
 * @throws InferenceError `invalid_request` for a bad key or address, or more than 16 addresses.
 */
export function encodeInvite(invite: Invite): string {
  const addresses = addressBytes(invite.bootstrap)
  return inviteText(
    PREFIX,
    concat([Uint8Array.of(VERSION), swarmSecret(invite.swarmKey), addresses]),
  )
}

/** @throws InferenceError `invalid_request` that says what is wrong with it. */
export function decodeInvite(text: string): Invite {
  const trimmed = text.trim()
  if (trimmed.startsWith(MEMBER_INVITE_PREFIX)) {
    throw refuseInvite('it is for a swarm with members: use it once with `skein join`')
  }
  const body = inviteBody(PREFIX, trimmed)
  if (body[0] !== VERSION) throw refuseInvite(`version ${body[0] ?? '?'} is not supported`)
  const secret = body.subarray(1, 1 + SWARM_SECRET_BYTES)
  if (secret.length < SWARM_SECRET_BYTES) throw refuseInvite('the key is truncated')
  return {
    swarmKey: swarmKeyOf(secret),
    bootstrap: readAddresses(body.subarray(1 + SWARM_SECRET_BYTES)),
  }
}
