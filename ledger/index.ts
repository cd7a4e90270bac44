/**
 * Receipts of work, signed by client and node, and their value to a reader that trusts itself and its friends.
 *
 * @example
 * async function standingOf(peer: string, init: LedgerInit): Promise<number | undefined> {
 *   await using ledger = new Ledger(init)
 *   await ledger.start()
 *   return ledger.trust.standing(peer) // 0.5 … 1, or undefined
 * }
 *
 * @packageDocumentation
 */

export { type Claims, CREDIT_HALF_LIFE_MS, creditFlow } from './credit.ts'
export { type EigenTrustOptions, eigenTrust, type TrustEdges } from './eigentrust.ts'
export type { Received } from './issue.ts'
export { Ledger, type LedgerHost, type LedgerInit } from './ledger.ts'
export { type Entered, ReceiptBook } from './receipt-book.ts'
export { countReceipts, type ReceiptCount } from './receipt-count.ts'
export { receiptPeers } from './receipt-peers.ts'
export { type Served, ServedLog } from './served-log.ts'
export { SharedTrust } from './shared-trust.ts'
export { specHashOf } from './spec-hash.ts'
