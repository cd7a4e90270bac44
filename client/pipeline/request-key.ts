import { createHash } from 'node:crypto'
import type { AnswerRequest } from '../../protocol/index.ts'
import { canonicalJson } from '../request/index.ts'

/** The same for the same request, in whatever order its fields are. 64 hex digits: nothing of the prompt is kept. */
export function requestKey(kind: AnswerRequest['kind'], body: object): string {
  return createHash('sha256')
    .update(canonicalJson([kind, body]))
    .digest('hex')
}
