import { create } from '@bufbuild/protobuf'
import { sha256 } from 'multiformats/hashes/sha2'
import { concat } from 'uint8arrays/concat'
import { fromString } from 'uint8arrays/from-string'
import { LIMITS } from './limits.ts'
import { type Rotation as RotationMessage, RotationSchema } from './membership_pb.ts'
import { keyIdIn, malformed } from './membership-envelope.ts'
import type { ListHead } from './membership-exchange.ts'

const DIGEST_BYTES = 32
const DIGEST_LABEL = 'skein-pre-shared-key\0'

/** A new pre-shared key, as the issuer's list names it. The key itself goes to members only. */
export interface Rotation {
  /** Higher than that of every earlier rotation. */
  readonly number: number
  /** See {@link secretDigest}. */
  readonly digest: Uint8Array
  /** Older keys are accepted until then. Milliseconds since 1970. */
  readonly oldUntilMs: number
  /** Lists that a member must know before it hands the key on: they name who was revoked before. */
  readonly heads: readonly ListHead[]
}

/** SHA-256 by which a rotation names a pre-shared key. @param secret 32 bytes */
export async function secretDigest(secret: Uint8Array): Promise<Uint8Array> {
  return (await sha256.digest(concat([fromString(DIGEST_LABEL), secret]))).digest
}

export function rotationMessage({ number, digest, oldUntilMs, heads }: Rotation): RotationMessage {
  return create(RotationSchema, {
    number: BigInt(number),
    digest,
    oldUntilMs: BigInt(oldUntilMs),
    heads: heads.map((head) => ({
      issuer: head.issuer.toMultihash().bytes,
      number: BigInt(head.number),
    })),
  })
}

/** @throws InferenceError `malformed` */
export function readRotation({ number, digest, oldUntilMs, heads }: RotationMessage): Rotation {
  if (digest.length !== DIGEST_BYTES) throw malformed('a digest of the wrong size')
  if (heads.length > LIMITS.maxIssuers) throw malformed('too many lists')
  const read = { number: Number(number), oldUntilMs: Number(oldUntilMs) }
  if (read.number < 1 || !Object.values(read).every(Number.isSafeInteger)) {
    throw malformed('a rotation without a number')
  }
  return {
    ...read,
    digest,
    heads: heads.map((head) => ({ issuer: keyIdIn(head.issuer), number: Number(head.number) })),
  }
}
