import { InferenceError } from '../../protocol/index.ts'
import { HttpRefusal } from './http-refusal.ts'

/** A request's body before it is known to be one; the fields are those that the gateway itself reads. */
export interface JsonBody {
  readonly stream?: unknown
  readonly stream_options?: unknown
  readonly encoding_format?: unknown
  readonly [field: string]: unknown
}

/**
 * A request's body as a JSON object.
 *
 * @throws InferenceError `invalid_request`; HttpRefusal 413
 */
export async function readJsonObject(request: Request): Promise<JsonBody> {
  let body: unknown
  try {
    body = await request.json()
  } catch (cause) {
    if (cause instanceof HttpRefusal) throw cause
    throw new InferenceError('invalid_request', 'the body is not JSON', { cause })
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new InferenceError('invalid_request', 'the body is not a JSON object')
  }
  return body as JsonBody
}
