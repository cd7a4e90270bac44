import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf'
import { equals } from 'uint8arrays/equals'
import { InferenceError } from '../errors.ts'

/** The bytes are not what a correct peer can send. */
export const malformed = (what: string, cause?: unknown): InferenceError =>
  new InferenceError('malformed', `malformed frame: ${what}`, { cause })

/** Decodes protobuf bytes from a peer. @throws InferenceError `malformed` */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    throw malformed(`not a ${schema.name}`, cause)
  }
}

/** In place of an attempt's id, in a frame that names none. */
export const NOT_NAMED: Uint8Array = new Uint8Array()

/** An answer must not bleed into another: on a kept stream every frame names its attempt. */
export function checkAttempt(named: Uint8Array, attemptId: Uint8Array | undefined): void {
  if (attemptId === undefined || equals(named, attemptId)) return
  throw malformed('it belongs to another attempt')
}

/** Name of an enum's value; undefined for values of later versions. */
export function nameOf<T extends string>(
  table: Readonly<Record<T, number>>,
  value: number,
): T | undefined {
  return (Object.keys(table) as T[]).find((name) => table[name] === value)
}
