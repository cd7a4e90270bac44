import type { Context } from 'hono'
import { InferenceError, LIMITS, SMALL_CLAIM_BYTES } from '../../protocol/index.ts'
import { nextTurn, systemClock } from '../../timing/index.ts'
import type { GatewayEnv } from '../context.ts'
import { freeBytes } from './gathered-bytes.ts'
import { readBody } from './read-body.ts'

/** A request's body before validation; the fields are those that the gateway itself reads. */
export interface JsonBody {
  readonly stream?: unknown
  readonly stream_options?: unknown
  readonly encoding_format?: unknown
  readonly [field: string]: unknown
}

/**
 * A request's body as a JSON object. A large one is read in several turns of the loop.
 *
 * @throws InferenceError `invalid_request`, `over_capacity`; HttpRefusal 413
 */
export async function readJsonObject(c: Context<GatewayEnv>): Promise<JsonBody> {
  const bytes = c.get('body') ?? (await readBody(c))
  const { length } = bytes
  let body: unknown
  const isLarge = length > SMALL_CLAIM_BYTES
  try {
    if (isLarge) await nextTurn(length, systemClock)
    body = JSON.parse(textOf(bytes))
    if (isLarge) await nextTurn(length, systemClock)
  } catch (cause) {
    throw new InferenceError('invalid_request', 'the body is not JSON', { cause })
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new InferenceError('invalid_request', 'the body is not a JSON object')
  }
  if (Object.keys(body).length > LIMITS.maxFields) {
    throw new InferenceError('invalid_request', `a request has at most ${LIMITS.maxFields} fields`)
  }
  return body as JsonBody
}

const decoder = new TextDecoder()

/** Takes the bytes: what is parsed from the text takes as much once more. */
function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  const text = decoder.decode(bytes)
  if (bytes.length > SMALL_CLAIM_BYTES) freeBytes(bytes)
  return text
}
