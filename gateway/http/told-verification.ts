/** Of one answer or error: it went on sixteen times at most, and more choices than this are seldom asked for at once. */
const MAX_PARTS = 32

/** What checking an answer found, as the client or an error of its tells it. */
export interface Verdict {
  readonly status: string
  readonly why?: string
  readonly parts: readonly object[]
}

/** The field `skein` for an answer or an error that was checked while its caller waited; no field for others. */
export function skeinField(verification: Verdict | undefined): { readonly skein?: object } {
  if (verification === undefined) return {}
  const parts = verification.parts.slice(0, MAX_PARTS)
  return { skein: { verification: { ...verification, parts } } }
}

/** The header that says the same in a word. */
export function verificationHeader(verification: Verdict | undefined): Record<string, string> {
  return verification === undefined ? {} : { 'x-skein-verification': verification.status }
}
