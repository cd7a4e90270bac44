import type { ClientParts } from './assemble-client.ts'

/** What a client is doing, and what it may still spend. */
export interface ClientStats {
  /** Attempts under way. */
  readonly inFlight: number
  /** Retries and hedges left, fractions included. */
  readonly retryBudget: number
  /** Resumes that may begin now, fractions included. */
  readonly resumeReserve: number
  /** What checking took: answers that were rated, tokens that engines read for it, and canaries that were sent. */
  readonly audits: { readonly answers: number; readonly tokens: number; readonly canaries: number }
  /** Peers that serve a model: known in all, connected, and ejected after failures in a row. */
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
