/**
 * Finds out which peers are honest: answers are rated by engines that did not write them, ratings add up to a reputation,
 * and peers that pass get receipts.
 *
 * @example
 * async function quarantined(dataDir: string): Promise<readonly StandingReport[]> {
 *   await using saved = await openReputation(dataDir, Date.now)
 *   return saved.reputation.report().filter(({ state }) => state === 'quarantined')
 * }
 *
 * @packageDocumentation
 */
export { AnswerRecorder, type Auditor, type Oddity } from './audit/index.ts'
export { type Canaries, type CanaryMode, parseCanaryMode } from './canary/index.ts'
export { createTrust, type Trust } from './create-trust.ts'
export { markable } from './markable.ts'
export { type PeerMark, Reputation, type StandingReport } from './reputation/index.ts'
export { openReputation, type SavedReputation } from './saved-reputation.ts'
