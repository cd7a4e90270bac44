import type { Stream } from '@libp2p/interface'
import { answerOnce } from '../../host/index.ts'
import { encodeProbeResponse } from '../../protocol/index.ts'
import { checkAccess } from '../admission/index.ts'
import type { ServeContext } from './context.ts'

/** The answer is a few dozen bytes. */
const PROBE_TIMEOUT_MS = 5_000

/**
 * Answers a probe with the load of this moment. Opening the stream is the question: what the asker writes on it is not
 * read. Never rejects: a peer without access, or one that asks too often, gets a reset.
 */
export async function serveProbe(
  stream: Stream,
  peer: string,
  context: Pick<ServeContext, 'access' | 'fairness' | 'probes' | 'status' | 'log'>,
): Promise<void> {
  let leave = (): void => {}
  const init = {
    maxRequestBytes: 0,
    timeoutMs: PROBE_TIMEOUT_MS,
    onFailure: (error: Error): void => context.log('probe failed: %e', error),
  }
  await answerOnce(stream, init, () => {
    checkAccess(context.access, peer)
    leave = context.probes.open(peer)
    return encodeProbeResponse(
      context.status.loadFor({ contributes: context.fairness.contributes(peer) }),
    )
  })
  leave()
}
