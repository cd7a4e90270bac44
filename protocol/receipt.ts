import { create, toBinary } from '@bufbuild/protobuf'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'
import { peerIdFromMultihash, peerIdFromString } from '@libp2p/peer-id'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { concat } from 'uint8arrays/concat'
import { equals } from 'uint8arrays/equals'
import { fromString } from 'uint8arrays/from-string'
import { decodeMessage } from './codec/index.ts'
import { InferenceError } from './errors.ts'
import { RECEIPT_DOMAINS } from './ids.ts'
import { LIMITS } from './limits.ts'
import { ReceiptBodySchema, type SignedReceipt, SignedReceiptSchema } from './skein_pb.ts'

const VERSION = 1
const NONCE_BYTES = 16
const HASH_BYTES = 32

/** What client and server agree on about one answer. */
export interface ReceiptBody {
  readonly client: PeerId
  readonly server: PeerId
  /** 16 random bytes, unique per receipt of a client. */
  readonly nonce: Uint8Array
  /** SHA-256 of the spec class: weights and template. */
  readonly specHash: Uint8Array
  readonly inputTokens: number
  readonly outputTokens: number
  /** Of salt and answer: {@link outputHashOf}. */
  readonly outputHash: Uint8Array
  /** Milliseconds since 1970, by the client's clock. */
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** Counts up from 1 for each pair of client and server. */
  readonly sequence: number
  /** {@link Receipt.hash} of the pair's previous receipt; empty for the first. */
  readonly previousHash: Uint8Array
}

/** A receipt that both sides signed, and whose signatures were verified. */
export interface Receipt extends ReceiptBody {
  /** Peer id that the server credits the work to: by default its own. */
  readonly beneficiary: string
  /**
   * SHA-256 of the bytes: its name in the chain. All that was signed is in it, so that a server which names one
   * beneficiary here and another there has signed two receipts for one place.
   */
  readonly hash: Uint8Array
  /** Encoded form. */
  readonly bytes: Uint8Array
}

/** SHA-256 of a salt and the SHA-256 of an answer, so that the answer cannot be guessed from it. */
export async function outputHashOf(salt: Uint8Array, answerHash: Uint8Array): Promise<Uint8Array> {
  return (await sha256.digest(concat([salt, answerHash]))).digest
}

/** The client's part: a draft for the server to sign. */
export async function draftReceipt(body: ReceiptBody, key: PrivateKey): Promise<Uint8Array> {
  const { client, server, startedAtMs, endedAtMs } = body
  const bytes = toBinary(
    ReceiptBodySchema,
    create(ReceiptBodySchema, {
      version: VERSION,
      client: client.toMultihash().bytes,
      server: server.toMultihash().bytes,
      nonce: body.nonce,
      specHash: body.specHash,
      inputTokens: BigInt(body.inputTokens),
      outputTokens: BigInt(body.outputTokens),
      outputHash: body.outputHash,
      startedAtMs: BigInt(Math.round(startedAtMs)),
      endedAtMs: BigInt(Math.round(endedAtMs)),
      sequence: BigInt(body.sequence),
      previousHash: body.previousHash,
    }),
  )
  const clientSignature = await key.sign(await clientPart(bytes))
  const draft = create(SignedReceiptSchema, { body: bytes, clientSignature })
  return toBinary(SignedReceiptSchema, draft)
}

/** @throws InferenceError `malformed` for a draft that no honest client can have made */
export async function openDraft(draft: Uint8Array, nowMs: number): Promise<ReceiptBody> {
  const { body, clientSignature } = decodeSigned(draft)
  const opened = openBody(body, nowMs)
  await verify(opened.client, await clientPart(body), clientSignature)
  return opened
}

/**
 * The server's part.
 *
 * @param beneficiary peer id to credit the work to; empty for the server itself
 */
export async function countersign(
  draft: Uint8Array,
  beneficiary: string,
  key: PrivateKey,
): Promise<Uint8Array> {
  const { body, clientSignature } = decodeSigned(draft)
  const serverSignature = await key.sign(await serverPart(body, clientSignature, beneficiary))
  const signed = create(SignedReceiptSchema, {
    ...{ body, clientSignature, beneficiary, serverSignature },
  })
  return toBinary(SignedReceiptSchema, signed)
}

/**
 * Opens a receipt and checks sizes, times and both signatures. The caller checks whether it is known already, and follows
 * the previous one.
 *
 * @throws InferenceError `malformed`
 */
export async function openReceipt(bytes: Uint8Array, nowMs: number): Promise<Receipt> {
  const { body, clientSignature, beneficiary, serverSignature } = decodeSigned(bytes)
  const opened = openBody(body, nowMs)
  await verify(opened.client, await clientPart(body), clientSignature)
  const countersigned = await serverPart(body, clientSignature, beneficiary)
  await verify(opened.server, countersigned, serverSignature)
  const credited = beneficiary === '' ? opened.server.toString() : peerIdOf(beneficiary)
  const { digest: hash } = await sha256.digest(bytes)
  return { ...opened, beneficiary: credited, hash, bytes }
}

function decodeSigned(bytes: Uint8Array): SignedReceipt {
  if (bytes.length > LIMITS.maxReceiptBytes) throw refuse('too large')
  const signed = decodeMessage(SignedReceiptSchema, bytes)
  // Only the canonical encoding is valid, so that nothing can be added.
  if (!equals(toBinary(SignedReceiptSchema, signed), bytes) || signed.$unknown !== undefined) {
    throw refuse('it is not in the canonical encoding')
  }
  return signed
}

function openBody(bytes: Uint8Array, nowMs: number): ReceiptBody {
  const body = decodeMessage(ReceiptBodySchema, bytes)
  if (body.version !== VERSION) throw refuse('unknown version')
  const client = peerIdIn(body.client)
  const server = peerIdIn(body.server)
  if (client.equals(server)) throw refuse('client and server are the same peer')
  const { nonce, specHash, outputHash, previousHash } = body
  const opened = {
    ...{ client, server, nonce, specHash, outputHash, previousHash },
    inputTokens: Number(body.inputTokens),
    outputTokens: Number(body.outputTokens),
    startedAtMs: Number(body.startedAtMs),
    endedAtMs: Number(body.endedAtMs),
    sequence: Number(body.sequence),
  }
  checkBody(opened)
  checkTimes(opened, nowMs)
  return opened
}

function checkBody(body: ReceiptBody): void {
  const { nonce, specHash, outputHash, previousHash, sequence, inputTokens, outputTokens } = body
  const sized =
    nonce.length === NONCE_BYTES &&
    specHash.length === HASH_BYTES &&
    outputHash.length === HASH_BYTES &&
    previousHash.length === (sequence > 1 ? HASH_BYTES : 0)
  if (!sized) throw refuse('a hash or nonce of the wrong size')
  if (sequence < 1 || !Number.isSafeInteger(sequence)) throw refuse('invalid sequence number')
  if (Math.max(inputTokens, outputTokens) > LIMITS.maxReceiptTokens) throw refuse('too many tokens')
}

function checkTimes({ startedAtMs, endedAtMs }: ReceiptBody, nowMs: number): void {
  if (startedAtMs > endedAtMs) throw refuse('it ends before it starts')
  if (endedAtMs > nowMs + LIMITS.maxClockSkewMs) throw refuse('it is from the future')
  if (endedAtMs < nowMs - LIMITS.maxReceiptAgeMs) throw refuse('it has expired')
}

async function verify(signer: PeerId, data: Uint8Array, signature: Uint8Array): Promise<void> {
  const { publicKey } = signer
  // Only ids that carry their key, which all of this network's do.
  if (publicKey === undefined || !(await isSigned(publicKey, data, signature))) {
    throw refuse('an invalid signature')
  }
}

async function isSigned(key: PublicKey, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await key.verify(data, signature)
  } catch {
    // The signature has the wrong length.
    return false
  }
}

async function clientPart(body: Uint8Array): Promise<Uint8Array> {
  return concat([domain(RECEIPT_DOMAINS.client), (await sha256.digest(body)).digest])
}

/** Hashes have fixed lengths, so that no part can be taken for another. */
async function serverPart(
  body: Uint8Array,
  clientSignature: Uint8Array,
  beneficiary: string,
): Promise<Uint8Array> {
  return concat([
    domain(RECEIPT_DOMAINS.server),
    (await sha256.digest(body)).digest,
    (await sha256.digest(clientSignature)).digest,
    fromString(beneficiary),
  ])
}

const domain = (name: string): Uint8Array => fromString(`${name}\0`)

function peerIdIn(bytes: Uint8Array): PeerId {
  try {
    const peer = peerIdFromMultihash(decodeMultihash(bytes))
    if (equals(peer.toMultihash().bytes, bytes)) return peer
  } catch {
    // Reported below.
  }
  throw refuse('an invalid peer id')
}

function peerIdOf(text: string): string {
  try {
    return peerIdFromString(text).toString()
  } catch {
    throw refuse('the beneficiary is not a valid peer id')
  }
}

function refuse(why: string): InferenceError {
  return new InferenceError('malformed', `invalid receipt: ${why}`)
}
