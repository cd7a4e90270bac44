import { InferenceError, requirementsOf } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import {
  type Directory,
  explainAbsence,
  type Router,
  type SwarmHost,
  UNFIT_TIER,
} from '../peers/index.ts'
import { exactPromptTokens } from '../request/index.ts'
import { type AutoQuery, autoModels } from './auto-models.ts'
import type { ChainJob } from './chain-job.ts'

/** A swarm, as far as its models are looked for. */
export interface ModelSource {
  readonly host: SwarmHost
  readonly directory: Pick<Directory, 'acquaintanceOf' | 'enumerate' | 'known'>
  readonly router: Pick<Router, 'tier'>
}

/**
 * Resolves `auto` to models of one swarm.
 *
 * @throws InferenceError `no_peers`, or `capability_unavailable` if no model can serve the request; the signal's reason
 */
export async function findModels(
  { host, directory, router, clock }: ModelSource & { readonly clock: Pick<Clock, 'wall'> },
  { request, estimatedPromptTokens }: Pick<ChainJob, 'estimatedPromptTokens' | 'request'>,
  options: { readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const needs = requirementsOf(request)
  const promptTokens = exactPromptTokens(request)
  const routing = {
    promptTokens: estimatedPromptTokens,
    answerTokens: 0,
    affinity: undefined,
    apart: [],
  }
  const query: AutoQuery = {
    needs,
    promptTokens,
    acquaintanceOf: (peerId) => directory.acquaintanceOf(peerId),
    isReady: (candidate) => router.tier(candidate, routing) < UNFIT_TIER,
  }
  const known = autoModels(directory.known(), query, clock.wall())
  const ids =
    known.length > 0 ? known : autoModels(await directory.enumerate(options), query, clock.wall())
  if (ids.length > 0) return ids
  const advertisements = directory.known()
  if (advertisements.length > 0) {
    const { capabilities, fields } = needs
    throw new InferenceError(
      'capability_unavailable',
      `no available model supports this request: it needs ${[...capabilities, ...fields].join(', ')}`,
      { details: { param: 'model' } },
    )
  }
  throw explainAbsence({
    query: { reference: { id: '' }, needs: { capabilities: [], fields: [] } },
    advertisements,
    connectedPeers: host.libp2p.getPeers().length,
    bootstrap: host.bootstrapPeers(),
  })
}
