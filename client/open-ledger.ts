import type { Host } from '../host/index.ts'
import { Ledger, receiptPeers } from '../ledger/index.ts'
import { trustedPeers } from './request/index.ts'

export interface OpenLedgerInit {
  readonly receipts?: boolean | undefined
  readonly friends?: readonly string[] | undefined
  readonly dataDir?: string | undefined
  readonly onFault?: ((message: string) => void) | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * The ledger of a client without a node, started.
 *
 * @returns undefined if it neither gives receipts nor has friends whose receipts count
 * @throws InferenceError `invalid_request` for an invalid peer id among the friends
 */
export async function openLedger(host: Host, init: OpenLedgerInit): Promise<Ledger | undefined> {
  const { receipts = false, friends = [], dataDir, onFault, now } = init
  const trusted = trustedPeers(friends.length > 0 ? friends : undefined, 'friends') ?? new Set()
  if (!receipts && trusted.size === 0) return undefined
  const ledger = new Ledger({
    ...{ host, friends: [...trusted], dataDir, onFault, now },
    ...receiptPeers(host),
  })
  await ledger.start()
  return ledger
}
