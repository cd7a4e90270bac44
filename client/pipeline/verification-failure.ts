import { InferenceError } from '../../protocol/index.ts'
import type { AuditReport, Unrated, Verification, VerifyMode } from '../request/index.ts'

/** The error for an answer with this verdict; undefined if the answer is acceptable. */
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
      `the answer of peer ${peerId} failed a check: ${finding}`,
      { details },
    )
  }
  const why =
    surprise === undefined
      ? `its weights would not produce ${hardMisses} of ${positions} tokens, and ${misses} are not their first choice`
      : `its tokens are ${surprise.toFixed(1)} standard deviations more surprising than its weights allow`
  return new InferenceError(
    'verification_failed',
    `peer ${peerId} did not use the weights it advertises: ${why}, according to ${by.join(' and ')}`,
    { details },
  )
}

const WHY_UNRATED: Readonly<Record<Unrated, string>> = {
  request:
    'this kind of request cannot be rated (embeddings, tools, images, JSON, biases, penalties)',
  'own-provider': 'one of the caller’s own providers answered',
  'no-token-ids': 'its engine does not report token ids',
  'no-scorer': 'no other peer that may see it has the same weights',
  'no-answer': 'none of the peers asked to rate it did so',
  'too-short': 'it is too short',
  unsettled: 'the peers that rated it disagree',
}

export function unverified(verification: Verification): InferenceError {
  const { why = 'no-scorer' } = verification
  return new InferenceError(
    'verification_failed',
    `the request requires verification, and the answer could not be verified: ${WHY_UNRATED[why]}`,
    { details: { verification } },
  )
}
