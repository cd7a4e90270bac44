import { create, toBinary } from '@bufbuild/protobuf'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { decodeMessage, nameOf } from './codec/index.ts'
import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'
import {
  DialBackNonceSchema,
  DialBackOutcome as DialBackOutcomeEnum,
  DialBackRequestSchema,
  DialBackResponseSchema,
} from './skein_pb.ts'

/** One address to dial, and what to send there. */
export interface DialBackTarget {
  readonly address: Multiaddr
  /** {@link DIAL_BACK_NONCE_BYTES} random bytes. */
  readonly nonce: Uint8Array
}

/** `timeout`, `refused` and `other_peer` mean that the address is unreachable, or leads to another peer. */
export type DialBackOutcome =
  | 'reached'
  | 'timeout'
  | 'refused'
  | 'other_peer'
  | 'not_allowed'
  | 'rate_limited'

/** Length of a dial-back nonce. */
export const DIAL_BACK_NONCE_BYTES = 16
/** Space for padding, addresses and encoding. */
export const MAX_DIAL_BACK_REQUEST_BYTES: number =
  LIMITS.maxDialBackTargets * (LIMITS.dialBackBytesPerTarget + 512)
/** Well above the length of any address that can be dialled back. */
const MAX_ADDRESS_BYTES = 256

const OUTCOMES = {
  reached: DialBackOutcomeEnum.REACHED,
  timeout: DialBackOutcomeEnum.TIMEOUT,
  refused: DialBackOutcomeEnum.REFUSED,
  other_peer: DialBackOutcomeEnum.OTHER_PEER,
  not_allowed: DialBackOutcomeEnum.NOT_ALLOWED,
  rate_limited: DialBackOutcomeEnum.RATE_LIMITED,
} as const satisfies Record<DialBackOutcome, DialBackOutcomeEnum>

/** Padded to {@link LIMITS.dialBackBytesPerTarget} for each target. */
export function encodeDialBackRequest(targets: readonly DialBackTarget[]): Uint8Array {
  const message = create(DialBackRequestSchema, {
    targets: targets.map(({ address, nonce }) => ({ address: address.bytes, nonce })),
    padding: new Uint8Array(targets.length * LIMITS.dialBackBytesPerTarget),
  })
  return toBinary(DialBackRequestSchema, message)
}

/** @throws InferenceError `malformed`, also for a request shorter than the bytes it makes the peer send */
export function decodeDialBackRequest(bytes: Uint8Array): readonly DialBackTarget[] {
  const { targets } = decodeMessage(DialBackRequestSchema, bytes)
  if (targets.length === 0 || targets.length > LIMITS.maxDialBackTargets)
    throw malformed(`1 to ${LIMITS.maxDialBackTargets} addresses can be dialled`)
  if (bytes.length < targets.length * LIMITS.dialBackBytesPerTarget)
    throw malformed('the request is shorter than what it makes the peer send')
  return targets.map(({ address, nonce }) => ({
    address: readAddress(address),
    nonce: readNonce(nonce),
  }))
}

/** Encodes the outcome of each dial, in the order of the request. */
export function encodeDialBackResponse(outcomes: readonly DialBackOutcome[]): Uint8Array {
  const message = create(DialBackResponseSchema, {
    outcomes: outcomes.map((outcome) => OUTCOMES[outcome]),
  })
  return toBinary(DialBackResponseSchema, message)
}

/**
 * @param expected number of targets requested
 * @throws InferenceError `malformed`
 */
export function decodeDialBackResponse(
  bytes: Uint8Array,
  expected: number,
): readonly DialBackOutcome[] {
  const { outcomes } = decodeMessage(DialBackResponseSchema, bytes)
  if (outcomes.length !== expected)
    throw malformed('the number of outcomes is not that of the addresses')
  // An unknown outcome of a newer version proves nothing about the address.
  return outcomes.map((value) => nameOf(OUTCOMES, value) ?? 'not_allowed')
}

/** Encodes the one message that a dial-back carries. */
export function encodeDialBackNonce(nonce: Uint8Array): Uint8Array {
  return toBinary(DialBackNonceSchema, create(DialBackNonceSchema, { nonce }))
}

/** @throws InferenceError `malformed` */
export function decodeDialBackNonce(bytes: Uint8Array): Uint8Array {
  return readNonce(decodeMessage(DialBackNonceSchema, bytes).nonce)
}

function readAddress(bytes: Uint8Array): Multiaddr {
  if (bytes.length > MAX_ADDRESS_BYTES) throw malformed('an address is too long')
  try {
    return multiaddr(bytes)
  } catch (cause) {
    throw malformed('not a multiaddr', cause)
  }
}

function readNonce(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== DIAL_BACK_NONCE_BYTES) throw malformed('a nonce of the wrong length')
  return bytes
}

function malformed(what: string, cause?: unknown): InferenceError {
  return new InferenceError('malformed', `malformed dial-back: ${what}`, { cause })
}
