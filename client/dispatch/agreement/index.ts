/**
 * Decides whether peers gave the same answer to the same request. Pure.
 *
 * @example
 * import type { AnswerRequest } from '../../../protocol/index.ts'
 *
 * const twoAgree = (answers: readonly ComparableAnswer[], request: AnswerRequest): boolean =>
 *   findAgreement(answers, 2, request) !== undefined
 *
 * @packageDocumentation
 */
export type { ComparableAnswer } from './comparable-answer.ts'
export { findAgreement } from './find-agreement.ts'
export { isDeterministic } from './is-deterministic.ts'
