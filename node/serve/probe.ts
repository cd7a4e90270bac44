import type { Stream } from '@libp2p/interface'
import * as lengthPrefixed from 'it-length-prefixed'
import { closedWithin } from '../../host/index.ts'
import { encodeProbeResponse, InferenceError } from '../../protocol/index.ts'
import { checkAccess } from '../admission/index.ts'
import type { ServeContext } from './context.ts'

/** Time for the asker to close its side. */
const CLOSE_TIMEOUT_MS = 2_000

/**
 * Answers a probe with the load of this moment. Opening the stream is the question: what the asker writes on it is
 * not read. Never rejects; one who may not ask, or asks too often, gets a reset.
 */
export async function serveProbe(
  stream: Stream,
  peer: string,
  context: Pick<ServeContext, 'access' | 'fairness' | 'probes' | 'status' | 'log'>,
): Promise<void> {
  let leave = (): void => {}
  try {
    checkAccess(context.access, peer)
    leave = context.probes.open(peer)
    const load = context.status.loadFor({ contributes: context.fairness.contributes(peer) })
    const frame = lengthPrefixed.encode.single(encodeProbeResponse(load))
    stream.send(frame.subarray())
    const closed = closedWithin(stream, CLOSE_TIMEOUT_MS)
    await stream.close()
    await closed
  } catch (error) {
    context.log('probe failed: %e', error)
    stream.abort(InferenceError.from(error, 'stream_reset'))
  } finally {
    leave()
  }
}
