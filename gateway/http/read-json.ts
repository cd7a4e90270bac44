import {
  InferenceError,
  JsonCounter,
  LIMITS,
  measureJson,
  SMALL_CLAIM_BYTES,
} from '../../protocol/index.ts'
import { nextTurn, systemClock } from '../../timing/index.ts'
import { HttpRefusal } from './http-refusal.ts'

/** A request's body before validation; the fields are those that the gateway itself reads. */
export interface JsonBody {
  readonly stream?: unknown
  readonly stream_options?: unknown
  readonly encoding_format?: unknown
  readonly [field: string]: unknown
}

/**
 * A request's body as a JSON object, whose values are counted as they arrive, so that one with too many is refused
 * before its rest is read or parsed. A large one is read in several turns of the loop.
 *
 * @throws InferenceError `invalid_request`; HttpRefusal 413
 */
export async function readJsonObject(request: Request): Promise<JsonBody> {
  let body: unknown
  try {
    const bytes = await countedBytes(request)
    await nextTurn(bytes.length, systemClock)
    body = JSON.parse(new TextDecoder().decode(bytes))
    await nextTurn(bytes.length, systemClock)
  } catch (cause) {
    if (cause instanceof HttpRefusal || InferenceError.is(cause)) throw cause
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

/** @throws InferenceError `invalid_request` for too many values; then the rest of the body is not read */
async function countedBytes(request: Request): Promise<Uint8Array> {
  const announced = request.headers.get('content-length')
  // Looking at the body would cost a stream.
  const isSmall = announced !== null && Number(announced) <= SMALL_CLAIM_BYTES
  if (isSmall || request.body === null) {
    const bytes = new Uint8Array(await request.arrayBuffer())
    measureJson(bytes)
    return bytes
  }
  const counter = new JsonCounter()
  const pieces: Uint8Array[] = []
  // Leaving the loop cancels the body.
  for await (const piece of request.body) {
    counter.add(piece)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
