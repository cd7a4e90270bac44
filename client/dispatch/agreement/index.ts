/**
 * Whether peers that were asked the same gave the same answer. Pure.
 *
 * @example
 * const found = findAgreement(answers, 2, request)
 * if (found === undefined) askAnother()
 *
 * @packageDocumentation
 */
export type { ComparableAnswer } from './comparable-answer.ts'
export { findAgreement } from './find-agreement.ts'
export { isDeterministic } from './is-deterministic.ts'
