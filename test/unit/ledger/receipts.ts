import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import {
  countersign,
  draftReceipt,
  openReceipt,
  type Receipt,
  type ReceiptBody,
} from '../../../protocol/index.ts'

export interface Party {
  readonly key: PrivateKey
  readonly id: PeerId
}

export async function party(): Promise<Party> {
  const key = await generateKeyPair('Ed25519')
  return { key, id: peerIdFromPrivateKey(key) }
}

export const NOW = 1_800_000_000_000

let nonces = 0

export function bodyOf(client: Party, server: Party, more: Partial<ReceiptBody> = {}): ReceiptBody {
  const nonce = new Uint8Array(16)
  new DataView(nonce.buffer).setUint32(0, ++nonces)
  return {
    client: client.id,
    server: server.id,
    nonce,
    specHash: new Uint8Array(32),
    inputTokens: 100,
    outputTokens: 50,
    outputHash: new Uint8Array(32),
    startedAtMs: NOW - 2_000,
    endedAtMs: NOW - 1_000,
    sequence: 1,
    previousHash: new Uint8Array(),
    ...more,
  }
}

type Signed = Partial<ReceiptBody> & { readonly beneficiary?: string }

export async function receiptOf(client: Party, server: Party, more: Signed = {}): Promise<Receipt> {
  const { beneficiary = '', ...body } = more
  const draft = await draftReceipt(bodyOf(client, server, body), client.key)
  return await openReceipt(await countersign(draft, beneficiary, server.key), NOW)
}

/** A pair's receipts, each naming the one before. */
export async function chainOf(
  client: Party,
  server: Party,
  length: number,
  more: Signed = {},
): Promise<Receipt[]> {
  const chain: Receipt[] = []
  for (let sequence = 1; sequence <= length; sequence += 1) {
    const previousHash = chain.at(-1)?.hash ?? new Uint8Array()
    chain.push(await receiptOf(client, server, { ...more, sequence, previousHash }))
  }
  return chain
}
