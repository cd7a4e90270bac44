/**
 * Which peers tell the truth: answers rated by engines that did not write them, what the ratings say of their peers, and
 * receipts for peers that passed.
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
export { Reputation, type StandingReport } from './reputation/index.ts'
export { openReputation, type SavedReputation } from './saved-reputation.ts'
