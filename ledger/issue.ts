import { randomBytes } from 'node:crypto'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { equals } from 'uint8arrays/equals'
import {
  draftReceipt,
  InferenceError,
  openReceipt,
  outputHashOf,
  type Receipt,
  type ReceiptBody,
  type ReceiptRequest,
  type ReceiptResponse,
} from '../protocol/index.ts'
import type { ReceiptBook } from './receipt-book.ts'

const NONCE_BYTES = 16
const NONE = new Uint8Array()

/** An answer as its client remembers it. */
export interface Received {
  readonly attemptId: Uint8Array
  readonly server: PeerId
  readonly specHash: Uint8Array
  readonly inputTokens: number
  readonly outputTokens: number
  /** SHA-256 of the chunks' JSON, one after the other. */
  readonly answerHash: Uint8Array
  /** Milliseconds since 1970. */
  readonly startedAtMs: number
  readonly endedAtMs: number
}

export interface IssueInit {
  readonly peerId: PeerId
  readonly privateKey: PrivateKey
  readonly book: ReceiptBook
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly ask: (server: PeerId, request: ReceiptRequest) => Promise<ReceiptResponse>
}

/**
 * Issues a receipt for an answer: signs a draft and has the node countersign it. If the node knows a later receipt of
 * the chain than this client, that one is adopted, once.
 *
 * @throws InferenceError the node's refusal; `malformed` if it signed something else; what asking throws
 */
export async function issueReceipt(init: IssueInit, answer: Received): Promise<Receipt> {
  const { book, peerId, ask } = init
  const client = peerId.toString()
  const server = answer.server.toString()
  for (let tries = 0; tries < 2; tries += 1) {
    const previous = book.latest(client, server)
    const { request, body } = await draft(init, answer, previous)
    const response = await ask(answer.server, request)
    if (response.type === 'refused') {
      throw new InferenceError(response.code, 'the node gives no receipt for this answer')
    }
    if (response.type === 'known') throw new InferenceError('malformed', 'no receipt in the answer')
    const bytes = response.type === 'receipt' ? response.receipt : response.previous
    const receipt = await openReceipt(bytes, init.now())
    const isOurs = receipt.client.equals(peerId) && receipt.server.equals(answer.server)
    if (!isOurs) throw new InferenceError('malformed', 'a receipt of another pair of peers')
    if (response.type === 'receipt' && !equals(receipt.nonce, body.nonce)) {
      throw new InferenceError('malformed', 'a receipt for another draft')
    }
    if (book.add(receipt) !== 'new')
      throw new InferenceError('malformed', 'a receipt that cannot be')
    if (response.type === 'receipt') return receipt
  }
  throw new InferenceError('malformed', 'the node never knows the receipt that it asks for')
}

async function draft(
  { peerId, privateKey }: IssueInit,
  answer: Received,
  previous: Receipt | undefined,
): Promise<{ readonly request: ReceiptRequest; readonly body: ReceiptBody }> {
  const { attemptId, server, specHash, inputTokens, outputTokens, answerHash } = answer
  const salt = new Uint8Array(randomBytes(NONCE_BYTES))
  const body = {
    ...{ client: peerId, server, specHash, inputTokens, outputTokens },
    nonce: new Uint8Array(randomBytes(NONCE_BYTES)),
    outputHash: await outputHashOf(salt, answerHash),
    startedAtMs: answer.startedAtMs,
    endedAtMs: answer.endedAtMs,
    sequence: (previous?.sequence ?? 0) + 1,
    previousHash: previous?.hash ?? NONE,
  }
  const drafted = await draftReceipt(body, privateKey)
  const before = previous?.bytes ?? NONE
  return {
    request: { type: 'countersign', attemptId, salt, draft: drafted, previous: before },
    body,
  }
}
