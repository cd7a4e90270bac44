/**
 * Admission: which requests get a slot of the engine, which wait, and which are refused.
 *
 * @example
 * async function admitted(gate: Gate, peer: string, serve: () => Promise<void>): Promise<void> {
 *   const signal = AbortSignal.timeout(30_000)
 *   const ticket = gate.enter({ peer, deadlineAtMs: Date.now() + 30_000, signal })
 *   try {
 *     await ticket.granted
 *     await serve()
 *   } finally {
 *     ticket.release()
 *   }
 * }
 *
 * @packageDocumentation
 */

export { type AccessLists, checkAccess, peerIdSet } from './access.ts'
export type { Occupancy, ServedSample } from './estimate.ts'
export { Fairness } from './fairness.ts'
export { Gate } from './gate.ts'
export type { Ticket } from './gate-entry.ts'
export { Pacer } from './pacer.ts'
export { PeerLedger } from './peer-ledger.ts'
export { readsTooSlowly } from './refusals.ts'
export { keepDebts } from './saved-debts.ts'
