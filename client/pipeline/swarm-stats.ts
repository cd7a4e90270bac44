import type { ClientStats } from './client-stats.ts'

/** The sums over several swarms. */
export function swarmStats(each: readonly ClientStats[]): ClientStats {
  const sum = (of: (stats: ClientStats) => number): number =>
    each.reduce((total, stats) => total + of(stats), 0)
  return {
    inFlight: sum(({ inFlight }) => inFlight),
    retryBudget: sum(({ retryBudget }) => retryBudget),
    resumeReserve: sum(({ resumeReserve }) => resumeReserve),
    audits: {
      answers: sum(({ audits }) => audits.answers),
      tokens: sum(({ audits }) => audits.tokens),
      canaries: sum(({ audits }) => audits.canaries),
    },
    peers: {
      known: sum(({ peers }) => peers.known),
      connected: sum(({ peers }) => peers.connected),
      ejected: sum(({ peers }) => peers.ejected),
    },
  }
}
