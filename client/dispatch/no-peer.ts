import { InferenceError } from '../../protocol/index.ts'
import { explainAbsence } from '../peers/index.ts'
import type { Query } from '../request/index.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { type Failure, finalError } from './failures.ts'

/** Why no peer could be asked. Looks for all nodes, to tell what there is instead. @throws the signal's reason */
export async function noneFound(
  { directory, host, admits }: Pick<DispatchContext, 'admits' | 'directory' | 'host'>,
  { query, trusted }: { readonly query: Query; readonly trusted?: ReadonlySet<string> },
  signal: AbortSignal,
): Promise<InferenceError> {
  const connectedPeers = host.libp2p.getPeers().length
  const advertisements =
    connectedPeers > 0 ? await directory.enumerate({ signal, complete: true }) : directory.known()
  const bootstrap = host.bootstrapPeers()
  const serving = directory.candidates(query)
  if (serving.length > 0 && trusted !== undefined) {
    return new InferenceError(
      'no_peers',
      `none of the ${trusted.size} peers that this request trusts serves '${query.reference.id}' now; ${serving.length} others do, and are not asked`,
      { details: { param: 'trusted' } },
    )
  }
  if (serving.some((candidate) => admits?.(candidate) === false)) {
    return new InferenceError(
      'no_peers',
      `every peer that serves '${query.reference.id}' is quarantined or denied: \`skein peers --why\` and \`skein reputation list\` show which`,
    )
  }
  return explainAbsence({ query, advertisements, connectedPeers, bootstrap })
}

/** Why no peer is left after these failures. */
export function noneLeft(
  host: Pick<DispatchContext['host'], 'libp2p'>,
  { reference: { id } }: Query,
  failures: readonly Failure[],
): InferenceError {
  const unreachable = failures.every(({ error }) => error.code === 'dial_failed')
  const error = finalError(failures)
  if (!unreachable || host.libp2p.getPeers().length > 0) return error
  const known = new Set(failures.map(({ peer }) => peer)).size
  return new InferenceError(
    'no_peers',
    `no peers: ${known} known to serve '${id}', none can be reached: ${error.message}`,
    { cause: error },
  )
}
