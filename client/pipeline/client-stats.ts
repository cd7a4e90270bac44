import type { ClientParts } from './assemble-client.ts'

/** Current activity and remaining budgets of a client. */
export interface ClientStats {
  /** Running attempts. */
  readonly inFlight: number
  /** Retries and hedges left for requests outside of batches; may be fractional. */
  readonly retryBudget: number
  /** Resumes that requests outside of batches may start now; may be fractional. */
  readonly resumeReserve: number
  /** Work of verification: answers rated, tokens read by scorers, canaries sent. */
  readonly audits: { readonly answers: number; readonly tokens: number; readonly canaries: number }
  /** Peers that serve a model: known, connected, and ejected after consecutive failures. */
  readonly peers: { readonly known: number; readonly connected: number; readonly ejected: number }
}

export function clientStats({
  context,
  trust,
}: Pick<ClientParts, 'context' | 'trust'>): ClientStats {
  const { host, directory, router, budget, reserve } = context
  const peers = directory.known().map(({ peerId }) => peerId.toString())
  const connected = new Set(host.libp2p.getPeers().map(String))
  return {
    inFlight: router.inFlight,
    retryBudget: budget.balance,
    resumeReserve: reserve.balance,
    audits: { ...trust.auditor.spent, canaries: trust.canaries.sent },
    peers: {
      known: peers.length,
      connected: peers.filter((peer) => connected.has(peer)).length,
      ejected: peers.filter((peer) => router.isEjected(peer)).length,
    },
  }
}
