import type { Host } from '../host/index.ts'
import { InferenceError } from '../protocol/index.ts'

/** Whoever needs this has looked for peers already: what is not there by now will not come in time. */
const JOIN_TIMEOUT_MS = 100

/** Why nobody was found, as far as the host can tell. */
export async function noPeersError(host: Host, signal: AbortSignal): Promise<InferenceError> {
  const result = await host.joined({ signal, timeoutMs: JOIN_TIMEOUT_MS })
  const why = result.joined
    ? `connected to ${host.libp2p.getPeers().length} peers, but none of them knows a node`
    : result.reasons.join('; ')
  return new InferenceError('no_peers', `no nodes found: ${why}`)
}
