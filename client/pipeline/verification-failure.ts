import { InferenceError } from '../../protocol/index.ts'
import type { AuditReport, Unrated, Verification, VerifyMode } from '../request/index.ts'

/** Why an answer with this verdict does not do; nothing where it does. */
export function failureOf(
  verification: Verification,
  mode: VerifyMode,
): InferenceError | undefined {
  const failed = verification.parts.find(({ outcome }) => outcome === 'failed')
  if (failed !== undefined) return accusation(failed, verification)
  return mode === 'required' && verification.status === 'unverified'
    ? unverified(verification)
    : undefined
}

function accusation(
  { peerId, hardMisses, misses, positions, by, surprise, finding }: AuditReport,
  verification: Verification,
): InferenceError {
  const details = { verification }
  if (finding !== undefined) {
    return new InferenceError(
      'verification_failed',
      `peer ${peerId} did not tell the truth: ${finding}`,
      { details },
    )
  }
  const why =
    surprise === undefined
      ? `${hardMisses} of ${positions} tokens are none that its weights would write, ${misses} are not their first choice`
      : `its tokens are ${surprise.toFixed(1)} standard deviations more surprising than its weights`
  return new InferenceError(
    'verification_failed',
    `peer ${peerId} did not write this with the weights that it names: ${why}, by the word of ${by.join(' and ')}`,
    { details },
  )
}

const WHY_UNRATED: Readonly<Record<Unrated, string>> = {
  request:
    'what was asked for cannot be rated (embeddings, tools, images, JSON, biases, penalties)',
  'own-provider': 'a provider of the caller’s own answered',
  'no-token-ids': 'the engine that wrote it does not tell its tokens',
  'no-scorer': 'nobody else was found that has the same weights and may see it',
  'no-answer': 'those that were asked did not rate it',
  'too-short': 'it is too short',
  unsettled: 'those that rated it do not agree',
}

export function unverified(verification: Verification): InferenceError {
  const { why = 'no-scorer' } = verification
  return new InferenceError(
    'verification_failed',
    `the answer could not be verified, which the request requires: ${WHY_UNRATED[why]}`,
    { details: { verification } },
  )
}
