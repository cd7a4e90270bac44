/**
 * Answers that continue from their text (assistant prefill): what engines of any kind need for it, and the trial that
 * proves it.
 *
 * @example
 * async function resumesPlainText(write: Continue, signal: AbortSignal): Promise<boolean | undefined> {
 *   return await continuesText(write, 'plain', signal)
 * }
 *
 * @packageDocumentation
 */
export { continued } from './continued.ts'
export { RepeatedStart, type RepeatedStartInit } from './repeated-start.ts'
export { ResumeSeam } from './resume-seam.ts'
export { rewritten } from './rewritten.ts'
export { spentAnswer } from './spent-answer.ts'
export {
  type BegunAnswer,
  type Continue,
  type ContinuedRequest,
  continuesText,
  TRIAL_QUESTION,
} from './trial.ts'
