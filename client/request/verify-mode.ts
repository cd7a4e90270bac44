import { InferenceError } from '../../protocol/index.ts'

/**
 * How an answer is checked by engines that did not write it.
 *
 * - `sample`: in the background after its end, for a share of answers that depends on the peer's record.
 * - `always`: before its end is delivered. A failed check is an error in a stream; a whole answer is requested again
 *   elsewhere. An answer that cannot be rated is reported as `unverified`.
 * - `required`: like `always`, but an answer that cannot be rated fails, too.
 * - `off`: never.
 */
export type VerifyMode = 'off' | 'sample' | 'always' | 'required'

/** Whether the end of an answer is held back until it has been checked. */
export function waitsForVerdict(mode: VerifyMode | undefined): boolean {
  return mode === 'always' || mode === 'required'
}

const MODES: readonly VerifyMode[] = ['off', 'sample', 'always', 'required']

/** @throws InferenceError `invalid_request` */
export function parseVerifyMode(text: string): VerifyMode {
  const mode = MODES.find((known) => known === text)
  if (mode !== undefined) return mode
  throw new InferenceError(
    'invalid_request',
    `unknown verify mode '${text}'; use one of ${MODES.join(', ')}`,
    { details: { param: 'verify' } },
  )
}
