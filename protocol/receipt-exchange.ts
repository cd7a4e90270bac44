import { create, toBinary } from '@bufbuild/protobuf'
import { decodeMessage } from './codec/index.ts'
import { type ErrorCode, isErrorCode } from './error-table.ts'
import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { ReceiptRequestSchema, ReceiptResponseSchema } from './skein_pb.ts'

const ID_BYTES = 16
const MAX_SALT_BYTES = 32

/** A request on the receipt protocol. */
export type ReceiptRequest =
  | {
      readonly type: 'countersign'
      /** Id of the attempt. */
      readonly attemptId: Uint8Array
      /** Salt of the output hash. */
      readonly salt: Uint8Array
      /** Not yet verified. */
      readonly draft: Uint8Array
      /** The receipt that the draft follows; empty for the first. */
      readonly previous: Uint8Array
    }
  | { readonly type: 'fetch'; readonly max: number }

/** The response. Its receipts are not yet verified. */
export type ReceiptResponse =
  | { readonly type: 'receipt'; readonly receipt: Uint8Array }
  /** The receipt that the draft has to follow. */
  | { readonly type: 'previous'; readonly previous: Uint8Array }
  | { readonly type: 'known'; readonly known: readonly Uint8Array[] }
  | { readonly type: 'refused'; readonly code: ErrorCode }

/** Encodes the one request frame. */
export function encodeReceiptRequest(request: ReceiptRequest): Uint8Array {
  const asked =
    request.type === 'fetch'
      ? { case: 'fetchMax' as const, value: request.max }
      : {
          case: 'countersign' as const,
          value: {
            attemptId: request.attemptId,
            salt: request.salt,
            draft: request.draft,
            previous: request.previous,
          },
        }
  return toBinary(ReceiptRequestSchema, create(ReceiptRequestSchema, { request: asked }))
}

/** @throws InferenceError `malformed` */
export function decodeReceiptRequest(bytes: Uint8Array): ReceiptRequest {
  const { request } = decodeMessage(ReceiptRequestSchema, bytes)
  switch (request.case) {
    case 'fetchMax':
      return { type: 'fetch', max: Math.min(request.value, LIMITS.maxKnownReceipts) }
    case 'countersign': {
      const { attemptId, salt, draft, previous } = request.value
      const fits =
        attemptId.length === ID_BYTES &&
        salt.length <= MAX_SALT_BYTES &&
        Math.max(draft.length, previous.length) <= LIMITS.maxReceiptBytes
      if (!fits) throw new InferenceError('malformed', 'a field has the wrong size')
      return { type: 'countersign', attemptId, salt, draft, previous }
    }
    case undefined:
      throw new InferenceError('malformed', 'unknown request')
    default:
      return request satisfies never
  }
}

/** Encodes the one response frame. */
export function encodeReceiptResponse(response: ReceiptResponse): Uint8Array {
  const fields =
    response.type === 'receipt'
      ? { receipt: response.receipt }
      : response.type === 'previous'
        ? { previous: response.previous }
        : response.type === 'known'
          ? { known: [...response.known] }
          : { refused: response.code }
  return toBinary(ReceiptResponseSchema, create(ReceiptResponseSchema, fields))
}

/** @throws InferenceError `malformed` */
export function decodeReceiptResponse(bytes: Uint8Array): ReceiptResponse {
  const { receipt, previous, known, refused } = decodeMessage(ReceiptResponseSchema, bytes)
  if (known.length > LIMITS.maxKnownReceipts) {
    throw new InferenceError('malformed', 'more receipts than requested')
  }
  if (refused !== '') return { type: 'refused', code: isErrorCode(refused) ? refused : 'internal' }
  if (receipt.length > 0) return { type: 'receipt', receipt }
  if (previous.length > 0) return { type: 'previous', previous }
  return { type: 'known', known }
}
