import type { Libp2p, PeerId, Stream } from '@libp2p/interface'
import { closedWithin } from '../host/index.ts'
import {
  decodeReceiptResponse,
  encodeReceiptRequest,
  FrameWriter,
  InferenceError,
  LIMITS,
  PROTOCOLS,
  type ReceiptRequest,
  type ReceiptResponse,
  readFrames,
} from '../protocol/index.ts'
import { openScope } from '../timing/index.ts'

/** Dial, question and answer together. */
const ASK_TIMEOUT_MS = 5_000
/** Time for the other side to close, for which nobody waits. */
const CLOSE_TIMEOUT_MS = 2_000

/**
 * Asks one question on the receipt protocol.
 *
 * @throws InferenceError `dial_failed`, `stalled`, `stream_reset`, `truncated`, `malformed`; the signal's reason
 */
export async function askLedger(
  libp2p: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId,
  request: ReceiptRequest,
  options: { readonly signal: AbortSignal },
): Promise<ReceiptResponse> {
  using scope = openScope({ timeoutMs: ASK_TIMEOUT_MS }, options)
  const { signal } = scope
  let stream: Stream | undefined
  const onAbort = (): void => stream?.abort(new InferenceError('stalled', 'gave up waiting'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    stream = await libp2p.dialProtocol(peer, PROTOCOLS.receipt, {
      signal,
      runOnLimitedConnection: true,
    })
    return await exchange(stream, request, signal)
  } catch (error) {
    options.signal.throwIfAborted()
    const failure = scope.expired()
      ? new InferenceError('stalled', 'the peer took too long to answer', { cause: error })
      : InferenceError.from(error, stream === undefined ? 'dial_failed' : 'stream_reset')
    stream?.abort(failure)
    throw failure
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function exchange(
  stream: Stream,
  request: ReceiptRequest,
  signal: AbortSignal,
): Promise<ReceiptResponse> {
  const writer = new FrameWriter(stream)
  await writer.write(encodeReceiptRequest(request), { signal })
  await writer.close({ signal })
  const bounds = { maxFrames: 1, maxTotalBytes: LIMITS.maxFrameBytes }
  for await (const frame of readFrames(stream, bounds)) {
    await stream.closeRead()
    void closedWithin(stream, CLOSE_TIMEOUT_MS)
    return decodeReceiptResponse(frame)
  }
  throw new InferenceError('truncated', 'the peer ended without an answer')
}
