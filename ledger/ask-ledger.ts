import type { PeerId } from '@libp2p/interface'
import { askOnce, type Dialer } from '../host/index.ts'
import {
  decodeReceiptResponse,
  encodeReceiptRequest,
  LIMITS,
  PROTOCOLS,
  type ReceiptRequest,
  type ReceiptResponse,
} from '../protocol/index.ts'

/** Dial, question and answer together. */
const ASK_TIMEOUT_MS = 5_000

/**
 * Asks one question on the receipt protocol.
 *
 * @throws InferenceError `dial_failed`, `stalled`, `stream_reset`, `truncated`, `malformed`; the signal's reason
 */
export async function askLedger(
  libp2p: Dialer,
  peer: PeerId,
  request: ReceiptRequest,
  options: { readonly signal: AbortSignal },
): Promise<ReceiptResponse> {
  const response = await askOnce(
    {
      libp2p,
      peer,
      protocol: PROTOCOLS.receipt,
      request: encodeReceiptRequest(request),
      maxResponseBytes: LIMITS.maxFrameBytes,
      timeoutMs: ASK_TIMEOUT_MS,
    },
    options,
  )
  return decodeReceiptResponse(response)
}
