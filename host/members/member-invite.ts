import { createHash } from 'node:crypto'
import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { concat } from 'uint8arrays/concat'
import { fromString } from 'uint8arrays/from-string'
import { toString as textOf } from 'uint8arrays/to-string'
import {
  addressBytes,
  inviteBody,
  inviteText,
  readAddresses,
  refuseInvite,
} from '../invite-text.ts'
import { isSwarmName } from './is-swarm-name.ts'

/** What a machine needs to ask for its certificate. One that was used, has expired or was revoked gives no membership. */
export interface MemberInvite {
  /** Name of the swarm. */
  readonly swarm: string
  /** Id of the owner's key: only certificates that lead to it count. */
  readonly owner: PeerId
  /** The pre-shared key, 32 bytes. */
  readonly secret: Uint8Array
  /** One-time secret: 16 random bytes. */
  readonly joinSecret: Uint8Array
  /** Multiaddrs of members, each ending in `/p2p/…`. */
  readonly addresses: readonly string[]
}

/** How the text of such an invite begins. */
export const MEMBER_INVITE_PREFIX = 'skein2'
const VERSION = 1
const KEY_BYTES = 32
/** Random bytes in an invite. */
export const INVITE_SECRET_BYTES = 16
const FIXED_BYTES = 1 + 2 * KEY_BYTES + INVITE_SECRET_BYTES

/**
 * `skein2` and base58 of version, the owner's public key, pre-shared key, one-time secret, name (one byte of length),
 * addresses (two bytes of length each) and checksum.
 *
 * @throws InferenceError `invalid_request` for a bad address, or more than 16
 */
export function encodeMemberInvite(invite: MemberInvite): string {
  const name = fromString(invite.swarm)
  const { publicKey } = invite.owner
  if (publicKey === undefined) throw refuseInvite('the owner has no key')
  return inviteText(
    MEMBER_INVITE_PREFIX,
    concat([
      Uint8Array.of(VERSION),
      publicKey.raw,
      invite.secret,
      invite.joinSecret,
      Uint8Array.of(name.length),
      name,
      addressBytes(invite.addresses),
    ]),
  )
}

/** @throws InferenceError `invalid_request` that says what is wrong with it */
export function decodeMemberInvite(text: string): MemberInvite {
  const trimmed = text.trim()
  if (trimmed.startsWith('skein1')) {
    throw refuseInvite('it is for a private swarm without members: use it with --invite')
  }
  const body = inviteBody(MEMBER_INVITE_PREFIX, trimmed)
  if (body[0] !== VERSION) throw refuseInvite(`version ${body[0] ?? '?'} is not supported`)
  if (body.length <= FIXED_BYTES) throw refuseInvite('it is truncated')
  const nameEnd = FIXED_BYTES + 1 + (body[FIXED_BYTES] ?? 0)
  const swarm = textOf(body.subarray(FIXED_BYTES + 1, nameEnd))
  if (!isSwarmName(swarm)) throw refuseInvite('it names no swarm')
  return {
    swarm,
    owner: peerIdFromPublicKey(publicKeyFromRaw(body.subarray(1, 1 + KEY_BYTES))),
    secret: body.slice(1 + KEY_BYTES, 1 + 2 * KEY_BYTES),
    joinSecret: body.slice(1 + 2 * KEY_BYTES, FIXED_BYTES),
    addresses: readAddresses(body.subarray(nameEnd)),
  }
}

/** The key that an invite's secret stands for; its public half is in the issuer's list. */
export async function inviteKey(joinSecret: Uint8Array): Promise<PrivateKey> {
  const seed = createHash('sha256').update('skein-invite-secret').update(joinSecret).digest()
  return await generateKeyPairFromSeed('Ed25519', seed)
}
