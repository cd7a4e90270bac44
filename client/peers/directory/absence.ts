import type { BootstrapState } from '../../../host/index.ts'
import { type Advertisement, type AvailableModel, InferenceError } from '../../../protocol/index.ts'
import type { Query } from '../../request/index.ts'
import { eligibilityOf, matchingDigests } from './eligibility.ts'

/** Digests named in a message. */
const MAX_NAMED = 12
/** Models in the details: a full book holds a hundred thousand, and each error would carry them all. */
const MAX_DETAILED = 256
/** Models counted, those that are seen first. */
const MAX_COUNTED = 4_096
/** Peers listed for one model. */
const MAX_PEER_IDS = 64

export interface AbsenceInit {
  readonly query: Query
  /** The advertisements in force. */
  readonly advertisements: readonly Advertisement[]
  readonly connectedPeers: number
  readonly bootstrap: readonly BootstrapState[]
}

/** Why there is no candidate: the nearest thing to the request that exists, or the reason that there is nothing. */
export function explainAbsence(init: AbsenceInit): InferenceError {
  const { query, advertisements } = init
  const verdicts = advertisements.map((advertisement) => eligibilityOf(advertisement, query))
  const { id, digest } = query.reference
  const available = availableModels(advertisements)
  const tooLong = verdicts.flatMap((verdict) =>
    verdict.status === 'too_long' ? [verdict.contextLength] : [],
  )
  if (tooLong.length > 0 && query.promptTokens !== undefined) {
    const contextLength = tooLong.reduce((most, length) => Math.max(most, length), 0)
    return new InferenceError(
      'context_too_long',
      `the prompt has ${query.promptTokens} tokens, '${id}' takes ${contextLength}`,
      { details: { promptTokens: query.promptTokens, contextLength } },
    )
  }
  const lacks = verdicts.find((verdict) => verdict.status === 'lacks')
  if (lacks !== undefined) {
    return new InferenceError(
      'capability_unavailable',
      `'${id}' is served, but no peer offers '${lacks.missing}'`,
      { details: { param: lacks.missing } },
    )
  }
  const digests = matchingDigests(advertisements, query)
  if (digests.length > 1) {
    return new InferenceError(
      'invalid_request',
      `'${digest}' is the beginning of ${digests.length} digests of '${id}': give more of the one that is meant (${digests.slice(0, MAX_NAMED).join(', ')})`,
      { details: { param: 'model' } },
    )
  }
  if (digest !== undefined && verdicts.some(({ status }) => status === 'other_digest')) {
    return new InferenceError(
      'model_not_found',
      `'${id}' is served, but not with the digest ${digest}`,
      { details: { available: available.slice(0, MAX_DETAILED) } },
    )
  }
  if (available.length > 0) {
    return new InferenceError('model_not_found', `no peer serves '${id}'`, {
      details: { available: available.slice(0, MAX_DETAILED) },
    })
  }
  return new InferenceError('no_peers', `no peers: ${whyNoPeers(init)}`)
}

/** What is served, by how many peers and by which, within bounds. The model with the most peers comes first. */
function availableModels(advertisements: readonly Advertisement[]): AvailableModel[] {
  const servers = new Map<string, Set<string>>()
  for (const { models, peerId } of advertisements) {
    for (const { id } of models) {
      const peers = servers.get(id) ?? new Set()
      if (peers.size === 0 && servers.size >= MAX_COUNTED) continue
      servers.set(id, peers.add(peerId.toString()))
    }
  }
  return [...servers]
    .map(([model, peers]) => ({
      model,
      peers: peers.size,
      peerIds: [...peers].slice(0, MAX_PEER_IDS),
    }))
    .sort((a, b) => b.peers - a.peers || (a.model < b.model ? -1 : 1))
}

function whyNoPeers({ connectedPeers, bootstrap }: AbsenceInit): string {
  if (connectedPeers > 0) {
    return `connected to ${connectedPeers}, but none of them knows of a node that serves a model`
  }
  if (bootstrap.length === 0) {
    return 'no bootstrap peer is configured, and no other peer was found'
  }
  return `no bootstrap peer answers: ${bootstrap.map(describe).join('; ')}`
}

function describe(state: BootstrapState): string {
  switch (state.status) {
    case 'connected':
      return `${state.address} was connected`
    case 'dialing':
    case 'waiting':
      return state.lastError === undefined
        ? `${state.address} has not answered yet`
        : `${state.address}: ${state.lastError}`
    default:
      return state satisfies never
  }
}
