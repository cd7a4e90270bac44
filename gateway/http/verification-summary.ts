/** Most parts reported per answer or error: an answer resumes at most sixteen times, and more choices are rare. */
const MAX_PARTS = 32

/** Verification of an answer, from the client or one of its errors. */
export interface VerificationSummary {
  readonly status: string
  readonly why?: string
  readonly parts: readonly object[]
}

/** The field `skein` of an answer or error whose caller waited for verification; absent otherwise. */
export function skeinField(verification: VerificationSummary | undefined): {
  readonly skein?: object
} {
  if (verification === undefined) return {}
  const parts = verification.parts.slice(0, MAX_PARTS)
  return { skein: { verification: { ...verification, parts } } }
}

/** The same as a header. */
export function verificationHeader(
  verification: VerificationSummary | undefined,
): Record<string, string> {
  return verification === undefined ? {} : { 'x-skein-verification': verification.status }
}
