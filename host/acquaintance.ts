/** How a peer is known: by what others say, by its own advertisement over a connection, or by an answer to a request. */
export type Acquaintance = 'heard' | 'met' | 'answered'

const ORDER = ['heard', 'met', 'answered'] as const satisfies readonly Acquaintance[]

/** Above 0 if `a` is better known than `b`. */
export function compareAcquaintance(a: Acquaintance, b: Acquaintance): number {
  return ORDER.indexOf(a) - ORDER.indexOf(b)
}

/** The closer of the two: hearsay about a peer that was met does not make it a stranger. */
export function closer(a: Acquaintance, b: Acquaintance | undefined): Acquaintance {
  return b !== undefined && compareAcquaintance(b, a) > 0 ? b : a
}
