import type { ServedBy } from '../../client/index.ts'
import { type Served, servedHeaders } from '../http/index.ts'

/** The `x-skein-*` headers of an answer that came whole. */
export function headersOf({ skein }: ServedBy): Record<string, string> {
  return servedHeaders(servedOf(skein))
}

/** An answer without what only Skein adds to it. */
export function withoutSkein<T extends ServedBy>({ skein: _, ...answer }: T): Omit<T, 'skein'> {
  return answer
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
