import type { ServedBy } from '../../client/index.ts'
import { type Served, servedHeaders, skeinField, verificationHeader } from '../http/index.ts'

/** The `x-skein-*` headers of an answer that came whole. */
export function headersOf({ skein }: ServedBy): Record<string, string> {
  return { ...servedHeaders(servedOf(skein)), ...verificationHeader(skein.verification) }
}

/** An answer without what only Skein adds to it, but for how it was checked where the caller asked for that. */
export function withoutSkein<T extends ServedBy>({
  skein: { verification },
  ...answer
}: T): Omit<T, 'skein'> & { readonly skein?: object } {
  return { ...answer, ...skeinField(verification) }
}

function servedOf({ peerId, attempts, resumes }: ServedBy['skein']): Served {
  const first = attempts.find(({ ttftMs }) => ttftMs !== undefined)
  return {
    peerId,
    attempts,
    attemptCount: attempts.length,
    resumes,
    ...(first?.ttftMs !== undefined && { ttftMs: first.startedMs + first.ttftMs }),
  }
}
