import { InferenceError, parseModelReference, requirementsOf } from '../../protocol/index.ts'
import type { Scope } from '../../timing/index.ts'
import { type DispatchContext, dispatch } from '../dispatch/index.ts'
import { explainAbsence, UNFIT_TIER } from '../peers/index.ts'
import {
  type DispatchEvent,
  encodeRequest,
  exactPromptTokens,
  type Job,
  type SwitchModels,
} from '../request/index.ts'
import { autoModels } from './auto-models.ts'
import { type ChainInit, runChain } from './chain-run.ts'
import { readAliases } from './expand-chain.ts'
import { labelOf, type Member, type NamedMember } from './member.ts'
import { MemberHealth } from './member-health.ts'
import { type NamedChain, namedChain } from './named-chain.ts'
import { createProviders, type Provider, type ProviderInit } from './provider.ts'
import { providerLeg } from './provider-attempt.ts'
export interface FallbackInit {
  readonly aliases?: Readonly<Record<string, string>> | undefined
  readonly providers?: readonly ProviderInit[] | undefined
  readonly context: DispatchContext
  /** Milliseconds since 1970. */
  readonly wallNow: () => number
}

/** A request with what it names. The job's own model is that of the first member. */
export interface ChainJob extends Job {
  readonly members: readonly Member[]
  readonly estimatedPromptTokens: number
  readonly switchModels: SwitchModels
  /** Gateways that the request came through. */
  readonly hops: number
}

/** What requests may name beside the models of the network. */
export interface OwnNames {
  readonly aliases: readonly string[]
  /** `models`: those by which a provider takes part in requests for plain ids. */
  readonly providers: readonly { readonly name: string; readonly models: readonly string[] }[]
}

/** Chooses models, as dispatching chooses peers. */
export interface Fallback {
  readonly names: OwnNames
  /**
   * What a request's `model` and `models` name; nothing where they are not even text.
   *
   * @throws InferenceError `invalid_request`
   */
  chainOf(body: object): NamedChain | undefined
  /**
   * Runs a request until a member has answered it completely.
   *
   * @param onAnswering told whose answer the caller gets, before its first piece
   * @throws InferenceError, or the scope's reason when it ended
   */
  run(
    job: ChainJob,
    scope: Scope,
    onAnswering: (model: string) => void,
  ): AsyncGenerator<DispatchEvent, void, void>
  close(): Promise<void>
}

/** @throws InferenceError `invalid_request` for aliases or providers that cannot be */
export function createFallback(init: FallbackInit): Fallback {
  const { context, wallNow } = init
  const providers = createProviders(init.providers ?? [])
  const aliases = readAliases(init.aliases ?? {}, providers)
  const sources = { aliases, providers }
  const health = new MemberHealth()

  const open =
    (job: ChainJob): ChainInit['open'] =>
    (member, leg, scope) => {
      const own = { ...job, ...leg, request: withModel(job.request, member.model) }
      if (member.type === 'network') return dispatch(context, networkJob(own, leg), scope)
      const provider = providers.find(({ name }) => name === member.provider)
      if (provider === undefined) throw new Error('unreachable: members name known providers')
      if (job.trusted !== undefined) return untrusted(provider.name)
      return providerLeg({ ...own, provider }, scope)
    }

  const auto =
    (job: ChainJob): ChainInit['auto'] =>
    (signal) =>
      findModels(context, job, wallNow, signal)

  return {
    names: {
      aliases: [...aliases.keys()],
      providers: providers.map(({ name, models = [] }) => ({ name, models })),
    },
    chainOf: (body) => namedChain(body, sources),
    run(job, scope, onAnswering) {
      const { members, journal, restartable, switchModels, limits } = job
      const [first] = members
      if (first !== undefined && members.length === 1 && first.type === 'network') {
        onAnswering(labelOf(first))
        return dispatch(context, job, scope)
      }
      const chain = { members, health, journal, restartable, switchModels, onAnswering }
      return runChain(
        {
          ...chain,
          patienceMs: limits.chainPatienceMs,
          open: open(job),
          auto: auto(job),
          clock: context.clock,
          random: context.random,
        },
        scope,
      )
    },
    async close() {
      await Promise.all(providers.map(({ backend }: Provider) => backend[Symbol.asyncDispose]()))
    },
  }
}

/** An answer that goes on is one answer: nothing is left to be compared. */
function networkJob(job: ChainJob, { delivered }: Pick<Job, 'delivered'>): Job {
  const { model } = job.request.body
  const reference = parseModelReference(model)
  const wire = model === job.wire.model ? job.wire : encodeRequest(job.request, reference.digest)
  const plan =
    delivered !== undefined && job.plan.type === 'quorum' ? ({ type: 'hedge' } as const) : job.plan
  return { ...job, reference, wire, plan }
}

/** The models that `auto` stands for now. */
async function findModels(
  context: DispatchContext,
  { request, estimatedPromptTokens }: ChainJob,
  wallNow: () => number,
  signal: AbortSignal,
): Promise<readonly NamedMember[]> {
  const { directory, host, router } = context
  const needs = requirementsOf(request)
  const exact = exactPromptTokens(request)
  const routing = {
    promptTokens: estimatedPromptTokens,
    answerTokens: 0,
    affinity: undefined,
    apart: [],
  }
  const query = {
    needs,
    ...(exact !== undefined && { promptTokens: exact }),
    isReady: (candidate: Parameters<typeof router.tier>[0]) =>
      router.tier(candidate, routing) < UNFIT_TIER,
  }
  const known = autoModels(directory.known(), query, wallNow())
  const ids =
    known.length > 0 ? known : autoModels(await directory.enumerate({ signal }), query, wallNow())
  if (ids.length > 0) return ids.map((model) => ({ type: 'network', model }))
  const advertisements = directory.known()
  if (advertisements.length > 0) {
    const { capabilities, fields } = needs
    throw new InferenceError(
      'capability_unavailable',
      `no model that is served takes this request: it needs ${[...capabilities, ...fields].join(', ')}`,
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

function withModel(request: Job['request'], model: string): Job['request'] {
  if (request.body.model === model) return request
  return { ...request, body: { ...request.body, model } } as Job['request']
}

/** A request for the peers on a list is for nobody else, providers included. */
// biome-ignore lint/correctness/useYield: a leg is a generator, and this one fails
async function* untrusted(name: string): AsyncGenerator<DispatchEvent, void, void> {
  throw new InferenceError(
    'no_peers',
    `provider ${name} is not asked: the request names the peers that may see it`,
    { details: { param: 'trusted' } },
  )
}
