import { createHash } from 'node:crypto'
import type { AnswerRequest } from '../../protocol/index.ts'
import { canonicalJson } from '../request/index.ts'

/** A hash of the request, independent of the order of its fields. 64 hex digits, so that no prompt is kept. */
export function requestKey(kind: AnswerRequest['kind'], body: object): string {
  return createHash('sha256')
    .update(canonicalJson([kind, body]))
    .digest('hex')
}
