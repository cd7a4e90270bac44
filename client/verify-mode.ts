import { InferenceError } from '../protocol/index.ts'

/**
 * How an answer is checked by engines that did not write it.
 *
 * - `sample`: once it is there, with the share that its peer's record asks for; nobody waits.
 * - `always`: before its end is told. What fails is an error, or is asked for anew where the caller gets it whole.
 * - `off`: never.
 */
export type VerifyMode = 'off' | 'sample' | 'always'

/** @throws InferenceError `invalid_request` */
export function parseVerifyMode(text: string): VerifyMode {
  if (text === 'off' || text === 'sample' || text === 'always') return text
  throw new InferenceError('invalid_request', `verify '${text}' is none of: off, sample, always`, {
    details: { param: 'verify' },
  })
}
