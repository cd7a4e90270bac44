import { InferenceError } from '../../protocol/index.ts'
/**
 * How an answer is checked by engines that did not write it.
 *
 * - `sample`: once it is there, with the share that its peer's record asks for; nobody waits.
 * - `always`: before its end is told. What fails is an error, or is asked for anew where the caller gets it whole. What
 *   nobody can rate is told as `unverified`.
 * - `required`: the same, and what nobody can rate fails, too.
 * - `off`: never.
 */
export type VerifyMode = 'off' | 'sample' | 'always' | 'required'

/** Whether the end of an answer is told only once it is checked. */
export function waitsForVerdict(mode: VerifyMode | undefined): boolean {
  return mode === 'always' || mode === 'required'
}

const MODES: readonly VerifyMode[] = ['off', 'sample', 'always', 'required']

/** @throws InferenceError `invalid_request` */
export function parseVerifyMode(text: string): VerifyMode {
  const mode = MODES.find((known) => known === text)
  if (mode !== undefined) return mode
  throw new InferenceError('invalid_request', `verify '${text}' is none of: ${MODES.join(', ')}`, {
    details: { param: 'verify' },
  })
}
