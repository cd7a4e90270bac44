import type { Connection, PeerId, PrivateKey, Stream } from '@libp2p/interface'
import { equals } from 'uint8arrays/equals'
import { answerOnce, PeerRates } from '../host/index.ts'
import {
  countersign,
  decodeReceiptRequest,
  encodeReceiptResponse,
  InferenceError,
  LIMITS,
  openDraft,
  openReceipt,
  outputHashOf,
  type Receipt,
  type ReceiptBody,
  type ReceiptRequest,
  type ReceiptResponse,
} from '../protocol/index.ts'
import type { ReceiptBook } from './receipt-book.ts'
import type { Served, ServedLog } from './served-log.ts'

/** A request holds a draft, the receipt before it, and the encoding around them. */
const QUESTION = { timeoutMs: 5_000, maxRequestBytes: 2 * LIMITS.maxReceiptBytes + 128 }
/** Per peer: more than it can have answers. */
const RATE = { burst: 200, perSecond: 20 }
/** Lists of receipts change slowly and cost more than one receipt. */
const FETCH_RATE = { burst: 4, perSecond: 0.1 }
/** Client and node measure an answer's duration differently: by the time on the wire, and by their clocks. */
const MAX_LONGER_MS = 60_000

export interface LedgerServerInit {
  readonly peerId: PeerId
  readonly privateKey: PrivateKey
  readonly book: ReceiptBook
  /** Answers that receipts may be requested for. Absent: this peer signs nothing. */
  readonly served?: ServedLog | undefined
  /** Throws for a peer without access. */
  readonly admit: (peer: PeerId) => void
  /** Peer id to credit the work to; empty for this peer itself. */
  readonly beneficiary: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0, below 1. */
  readonly random: () => number
}

type Countersign = Extract<ReceiptRequest, { type: 'countersign' }>

/** Answers on the receipt protocol. The handler never rejects. */
export function createLedgerServer(
  init: LedgerServerInit,
): (stream: Stream, connection: Connection) => Promise<void> {
  const rates = new PeerRates(RATE)
  const fetches = new PeerRates(FETCH_RATE)
  let turn: Promise<unknown> = Promise.resolve()
  /** One draft at a time: two checked concurrently could both be the next of a chain. */
  const inTurn = (work: () => Promise<ReceiptResponse>): Promise<ReceiptResponse> => {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }
  return (stream, { remotePeer }) =>
    answerOnce(stream, QUESTION, async (bytes) => {
      init.admit(remotePeer)
      if (!rates.take(remotePeer, init.now())) {
        throw new InferenceError('rate_limited', 'too many requests')
      }
      const request = decodeReceiptRequest(bytes)
      if (request.type === 'fetch' && !fetches.take(remotePeer, init.now())) {
        throw new InferenceError('rate_limited', 'too many lists')
      }
      return encodeReceiptResponse(await inTurn(() => respond(request, remotePeer, init)))
    })
}

async function respond(
  request: ReceiptRequest,
  asker: PeerId,
  init: LedgerServerInit,
): Promise<ReceiptResponse> {
  if (request.type === 'fetch') return { type: 'known', known: ownReceipts(init, request.max) }
  try {
    return await sign(request, asker, init)
  } catch (error) {
    return { type: 'refused', code: InferenceError.from(error).code }
  }
}

/** A random choice of receipts that this peer is a party to; it does not vouch for others. */
function ownReceipts({ book, peerId, random }: LedgerServerInit, max: number): Uint8Array[] {
  const own = book
    .all()
    .filter(({ client, server }) => client.equals(peerId) || server.equals(peerId))
  const chosen: Uint8Array[] = []
  let bytes = 0
  while (own.length > 0 && chosen.length < max) {
    const [receipt] = own.splice(Math.floor(random() * own.length), 1)
    if (receipt === undefined) break
    bytes += receipt.bytes.length + 4
    if (bytes > LIMITS.maxFrameBytes) break
    chosen.push(receipt.bytes)
  }
  return chosen
}

/** Signs only what this peer knows itself: that answer, to that client, with those tokens, once, next in their chain. */
async function sign(
  request: Countersign,
  asker: PeerId,
  init: LedgerServerInit,
): Promise<ReceiptResponse> {
  const { book, served, beneficiary, privateKey, peerId, now } = init
  // Before any signature is verified, which costs the most.
  const answer = served?.get(request.attemptId)
  if (answer?.client !== asker.toString()) throw refuse('no such answer, or it has its receipt')
  const body = await openDraft(request.draft, now())
  if (!body.client.equals(asker) || !body.server.equals(peerId)) throw refuse('not between us')
  await check(body, answer, request.salt)
  await remember(request.previous, body, init)
  const previous = book.latest(body.client.toString(), peerId.toString())
  if (!follows(body, previous)) {
    if (previous === undefined) throw refuse('it follows a receipt that was not shown')
    return { type: 'previous', previous: previous.bytes }
  }
  served?.settle(request.attemptId)
  const bytes = await countersign(request.draft, beneficiary, privateKey)
  const receipt = await openReceipt(bytes, now())
  book.add(receipt)
  return { type: 'receipt', receipt: bytes }
}

async function check(body: ReceiptBody, answer: Served, salt: Uint8Array): Promise<void> {
  const { client, specHash, inputTokens, outputTokens, startedAtMs, endedAtMs } = body
  const lastedMs = answer.endedAtMs - answer.startedAtMs
  const isSo =
    client.toString() === answer.client &&
    equals(specHash, answer.specHash) &&
    inputTokens === answer.inputTokens &&
    outputTokens === answer.outputTokens &&
    endedAtMs - startedAtMs <= lastedMs + MAX_LONGER_MS &&
    Math.abs(endedAtMs - answer.endedAtMs) <= LIMITS.maxClockSkewMs
  if (!isSo) throw refuse('it does not say what was answered')
  if (!equals(body.outputHash, await outputHashOf(salt, answer.answerHash))) {
    throw refuse('it is for another answer')
  }
}

/** A node that lost its receipts continues the chain from the end that the client shows, signed by this node. */
async function remember(
  previous: Uint8Array,
  { client, server }: ReceiptBody,
  { book, now }: LedgerServerInit,
): Promise<void> {
  if (previous.length === 0) return
  const shown = await openReceipt(previous, now()).catch(() => undefined)
  if (shown?.client.equals(client) && shown.server.equals(server)) book.add(shown)
}

function follows(body: ReceiptBody, previous: Receipt | undefined): boolean {
  if (previous === undefined) return body.sequence === 1
  return body.sequence === previous.sequence + 1 && equals(body.previousHash, previous.hash)
}

const refuse = (why: string): InferenceError => new InferenceError('invalid_request', why)
