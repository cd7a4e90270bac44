import { InferenceError } from '../../protocol/index.ts'
/**
 * How far a chain of models may go on to the next one.
 *
 * - `before-answer`: until the first visible piece. What begins by one model ends by it.
 * - `mid-answer`: also after it: a model of the network's goes on from the text so far, which is told as inexact.
 */
export type SwitchModels = 'before-answer' | 'mid-answer'

/** @throws InferenceError `invalid_request` */
export function parseSwitchModels(text: string): SwitchModels {
  if (text === 'before-answer' || text === 'mid-answer') return text
  throw new InferenceError(
    'invalid_request',
    `switchModels '${text}' is none of: before-answer, mid-answer`,
    { details: { param: 'switchModels' } },
  )
}
