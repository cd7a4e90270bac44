import type { Receipt } from '../protocol/index.ts'

/** Receipts between two peers, for answers in either direction. */
export interface ReceiptCount {
  /** For answers of the other peer. */
  readonly given: number
  /** For answers to the other peer. */
  readonly received: number
}

/** The receipts that one peer is a party to, by the other party. @param self its peer id */
export function countReceipts(
  receipts: readonly Receipt[],
  self: string,
): ReadonlyMap<string, ReceiptCount> {
  const counts = new Map<string, ReceiptCount>()
  for (const one of receipts) {
    const [client, server] = [one.client.toString(), one.server.toString()]
    if (client !== self && server !== self) continue
    const isGiven = client === self
    const peer = isGiven ? server : client
    const { given, received } = counts.get(peer) ?? { given: 0, received: 0 }
    counts.set(peer, {
      given: given + Number(isGiven),
      received: received + Number(!isGiven),
    })
  }
  return counts
}
