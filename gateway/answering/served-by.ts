import type { ServedBy } from '../../client/index.ts'
import { type Served, servedHeaders, skeinField, verificationHeader } from '../http/index.ts'

/** The `x-skein-*` headers of a buffered answer. */
export function headersOf({ skein }: ServedBy): Record<string, string> {
  return { ...servedHeaders(servedOf(skein)), ...verificationHeader(skein.verification) }
}

/** An answer without Skein's own fields, except the verification if the caller requested it. */
export function withoutSkein<T extends ServedBy>({
  skein: { verification },
  ...answer
}: T): Omit<T, 'skein'> & { readonly skein?: object } {
  return { ...answer, ...skeinField(verification) }
}

function servedOf({ peerId, swarm, attempts, resumes }: ServedBy['skein']): Served {
  const first = attempts.find(({ ttftMs }) => ttftMs !== undefined)
  return {
    peerId,
    ...(swarm !== undefined && { swarm }),
    attempts,
    attemptCount: attempts.length,
    resumes,
    ...(first?.ttftMs !== undefined && { ttftMs: first.startedMs + first.ttftMs }),
  }
}
