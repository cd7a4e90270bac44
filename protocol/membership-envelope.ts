import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'
import { peerIdFromMultihash, peerIdFromPublicKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import { equals } from 'uint8arrays/equals'
import { fromString } from 'uint8arrays/from-string'
import { InferenceError } from './errors.ts'

/** Signature domains of membership: a signature for one purpose is invalid for another. */
export const MEMBERSHIP_DOMAINS = {
  certificate: 'skein-membership-certificate',
  badge: 'skein-membership-badge',
  list: 'skein-membership-list',
  join: 'skein-membership-join',
} as const

/** Of a SHA-256. */
const SWARM_ID_BYTES = 32

type Domain = (typeof MEMBERSHIP_DOMAINS)[keyof typeof MEMBERSHIP_DOMAINS]

/** Signs a payload for one purpose. */
export async function sealEnvelope(
  domain: Domain,
  payload: Uint8Array,
  key: PrivateKey,
): Promise<Uint8Array> {
  const record = {
    domain,
    codec: codecOf(domain),
    marshal: () => payload,
    equals: (other: { marshal(): Uint8Array }) => equals(payload, other.marshal()),
  }
  return (await RecordEnvelope.seal(record, key)).marshal()
}

export interface OpenedEnvelope {
  readonly signer: PeerId
  readonly payload: Uint8Array
}

/** @throws InferenceError `malformed` for a wrong signature, purpose or size */
export async function openEnvelope(
  domain: Domain,
  envelope: Uint8Array,
  maxBytes: number,
): Promise<OpenedEnvelope> {
  if (envelope.length > maxBytes) throw malformed(`${domain}: too large`)
  const opened = await RecordEnvelope.openAndCertify(envelope, domain).catch((cause: unknown) => {
    throw malformed(`${domain}: invalid signature`, cause)
  })
  return contentOf(domain, opened)
}

/**
 * Reads an envelope inside one whose signature was verified, and was made by the same signer.
 *
 * @throws InferenceError `malformed` for another signer
 */
export function readEnvelopeOf(
  signer: PeerId,
  domain: Domain,
  envelope: Uint8Array,
  maxBytes: number,
): OpenedEnvelope {
  if (envelope.length > maxBytes) throw malformed(`${domain}: too large`)
  let parsed: RecordEnvelope
  try {
    parsed = RecordEnvelope.createFromProtobuf(envelope)
  } catch (cause) {
    throw malformed(`${domain}: not an envelope`, cause)
  }
  const opened = contentOf(domain, parsed)
  if (!opened.signer.equals(signer)) throw malformed(`${domain}: by another issuer`)
  return opened
}

function contentOf(
  domain: Domain,
  {
    payloadType,
    publicKey,
    payload,
  }: { payloadType: Uint8Array; publicKey: PublicKey; payload: Uint8Array },
): OpenedEnvelope {
  if (!equals(payloadType, codecOf(domain))) throw malformed(`${domain}: another kind of record`)
  return { signer: peerIdFromPublicKey(publicKey), payload }
}

function codecOf(domain: Domain): Uint8Array {
  return fromString(`/skein/${domain}`)
}

/** @throws InferenceError `malformed` unless the bytes are a peer id that carries its key */
export function keyIdIn(bytes: Uint8Array): PeerId {
  try {
    const id = peerIdFromMultihash(decodeMultihash(bytes))
    if (id.publicKey !== undefined && equals(id.toMultihash().bytes, bytes)) return id
  } catch {
    // Reported below.
  }
  throw malformed('not the id of a key')
}

/** @throws InferenceError `malformed` unless the bytes have the length of a swarm's id */
export function swarmIdIn(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== SWARM_ID_BYTES) throw malformed('a swarm id of the wrong size')
  return bytes
}

export function malformed(what: string, cause?: unknown): InferenceError {
  return new InferenceError('malformed', `malformed membership: ${what}`, { cause })
}
