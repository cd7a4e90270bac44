import { InferenceError } from '../../protocol/index.ts'

/**
 * Until when a chain may switch to the next model.
 *
 * - `before-answer`: until the first visible chunk. One model writes the whole answer.
 * - `mid-answer`: also later. Another model of the network continues from the text so far, reported as inexact.
 */
export type SwitchModels = 'before-answer' | 'mid-answer'

/** @throws InferenceError `invalid_request` */
export function parseSwitchModels(text: string): SwitchModels {
  if (text === 'before-answer' || text === 'mid-answer') return text
  throw new InferenceError(
    'invalid_request',
    `unknown switchModels '${text}'; use before-answer or mid-answer`,
    { details: { param: 'switchModels' } },
  )
}
