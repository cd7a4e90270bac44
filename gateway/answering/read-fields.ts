import type * as z from 'zod'
import { InferenceError } from '../../protocol/index.ts'

/**
 * Validates a body in the caller's dialect.
 *
 * @throws InferenceError `invalid_request`, its `param` being the path of the first field at fault
 */
export function readFields<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(withoutNulls(body))
  if (parsed.success) return parsed.data
  throw refusalOf(parsed.error)
}

/** `null` counts as absent in every field. */
function withoutNulls(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
}

interface Fault {
  readonly path: readonly PropertyKey[]
  readonly issue: z.core.$ZodIssue | undefined
}

function refusalOf({ issues }: z.ZodError): InferenceError {
  const { path, issue } = deepest({ path: [], issue: issues[0] })
  if (issue?.code === 'unrecognized_keys') {
    const field = [...path, issue.keys[0] ?? ''].map(String).join('.')
    return new InferenceError(
      'invalid_request',
      `field '${field}' is not accepted: it is unknown, is not offered here, or would control the engine`,
      { details: { param: field } },
    )
  }
  const param = path.map(String).join('.')
  const where = param === '' ? '' : `${param}: `
  return new InferenceError('invalid_request', `${where}${issue?.message ?? 'invalid'}`, {
    details: param === '' ? {} : { param },
  })
}

/** A union reports only that no member matches; the cause is a list that is too long, or the member that matched furthest. */
function deepest({ path, issue }: Fault): Fault {
  const here = [...path, ...(issue?.path ?? [])]
  if (issue?.code !== 'invalid_union' || issue.errors.length === 0) return { path: here, issue }
  return issue.errors
    .map(([first]) => deepest({ path: here, issue: first }))
    .reduce((best, fault) => (reach(fault) > reach(best) ? fault : best))
}

function reach({ path, issue }: Fault): number {
  return issue?.code === 'too_big' ? Number.POSITIVE_INFINITY : path.length
}
