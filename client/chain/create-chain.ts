import { InferenceError, parseModelReference } from '../../protocol/index.ts'
import { type Scope, startingWith } from '../../timing/index.ts'
import { type AnswerEvent, encodeRequest, type Job } from '../request/index.ts'
import { CacheKeys } from './cache-keys.ts'
import type { ChainJob } from './chain-job.ts'
import { type ChainInit, runChain } from './chain-run.ts'
import { labelOf } from './member.ts'
import { type NamedChain, namedChain } from './named-chain.ts'
import { OpenMembers, type OpenMembersInit } from './open-members.ts'
import { type NamesInit, type OwnSources, SourceRegister } from './own-sources.ts'
import { providerAnswer } from './provider-answer.ts'

export interface ChainsInit extends OpenMembersInit, NamesInit {
  /** From 0, below 1. */
  readonly random: () => number
}

/** Names that requests may use in addition to the models of the network. */
export interface OwnNames {
  readonly aliases: readonly string[]
  /** `models`: plain ids for which the provider is asked. */
  readonly providers: readonly { readonly name: string; readonly models: readonly string[] }[]
  /** Swarms whose models are called `swarm/model`, the default first; empty if the client is in one only. */
  readonly swarms: readonly string[]
}

/** Answers a job. */
type Ask<J extends Job> = (job: J, scope: Scope) => AsyncGenerator<AnswerEvent, void, void>

/** Selects models, as dispatch selects peers. */
export interface Chains {
  /** Follows `rename`. */
  readonly names: OwnNames
  /**
   * Replaces aliases and providers for requests that begin later. Changes nothing if it throws.
   *
   * @throws InferenceError `invalid_request` for an alias or a provider that cannot be used
   */
  rename(names: NamesInit): void
  /**
   * Resolves a request's `model` and `models`; undefined if they are not text.
   *
   * @throws InferenceError `invalid_request`
   */
  chainOf(body: object): (NamedChain & { readonly sources: OwnSources }) | undefined
  /**
   * Asks the members of a job's chain in turn until one answers completely: providers directly, models of the network
   * through `next`. Emits a `model` event before each answer.
   *
   * @param around wraps the answers of providers. @default nothing
   */
  chained<J extends ChainJob>(next: Ask<J>, around?: (ask: Ask<J>) => Ask<J>): Ask<J>
  close(): Promise<void>
}

/** @throws InferenceError `invalid_request` for an alias or a provider that cannot be used */
export function createChains(init: ChainsInit): Chains {
  const { clock, random } = init
  const swarms = init.swarms.flatMap(({ name }) => name ?? [])
  const register = new SourceRegister(init, swarms)
  const openMembers = new OpenMembers(init)
  const cacheKeys = new CacheKeys()

  const open =
    <J extends ChainJob>(
      job: J,
      next: Ask<J>,
      around: (ask: Ask<J>) => Ask<J>,
    ): ChainInit['open'] =>
    (member, { isExact, ...part }, scope) => {
      const own = {
        ...{ ...job, ...part, request: withModel(job.request, member.model) },
        ...(isExact && job.resume !== 'off' && { resume: 'exact' as const }),
      }
      if (member.type === 'network') {
        const { swarm } = member
        if (swarm === undefined) return next(networkJob(own, job), scope)
        const request = cacheKeys.apart(own.request, swarm)
        return next({ ...networkJob({ ...own, request }, job), swarm }, scope)
      }
      const provider = job.sources?.providers.find(({ name }) => name === member.provider)
      if (provider === undefined) throw new Error('unreachable: members name known providers')
      if (!mayAsk(job, provider.name)) return untrusted(provider.name)
      return around((asked, within) => providerAnswer({ ...asked, provider }, within))(own, scope)
    }

  function ask<J extends ChainJob>(
    { next, around }: { readonly next: Ask<J>; readonly around: (ask: Ask<J>) => Ask<J> },
    job: J,
    scope: Scope,
  ): AsyncGenerator<AnswerEvent, void, void> {
    const { members, journal, restartable, switchModels, limits, sources } = job
    const [first] = members
    if (first?.type === 'network' && first.swarm === undefined && members.length === 1) {
      const model: AnswerEvent = { type: 'model', model: labelOf(first) }
      return startingWith(model, () => next(job, scope))
    }
    const chain: ChainInit = {
      members,
      health: (sources ?? register.current).health,
      journal,
      restartable,
      switchModels,
      patienceMs: limits.chainPatienceMs,
      open: open(job, next, around),
      continues: ({ provider, model }) =>
        sources?.providers.find(({ name }) => name === provider)?.continues(model, []) === true,
      find: (member, signal) => openMembers.find(member, job, { signal }),
      clock,
      random,
    }
    return runChain(chain, scope)
  }

  return {
    names: {
      get aliases() {
        return [...register.current.aliases.keys()]
      },
      get providers() {
        return register.current.providers.map(({ name, models = [] }) => ({ name, models }))
      },
      swarms,
    },
    rename: (names) => register.replace(names),
    chainOf(body) {
      const sources = register.current
      const named = namedChain(body, sources)
      return named === undefined ? undefined : { ...named, sources }
    },
    chained:
      (next, around = (own) => own) =>
      (job, scope) =>
        ask({ next, around }, job, scope),
    close: () => register.close(),
  }
}

/** The job for one member. An answer that is continued cannot be compared, so a quorum becomes a hedge. */
function networkJob<J extends ChainJob>(job: J, asked: ChainJob): J {
  const { model } = job.request.body
  const reference = parseModelReference(model)
  const isSame = job.request === asked.request && model === job.wire.model
  const wire = isSame ? job.wire : encodeRequest(job.request, reference.digest)
  const plan =
    job.delivered !== undefined && job.plan.type === 'quorum'
      ? ({ type: 'hedge' } as const)
      : job.plan
  return { ...job, reference, wire, plan }
}

function withModel(request: Job['request'], model: string): Job['request'] {
  if (request.body.model === model) return request
  return { ...request, body: { ...request.body, model } } as Job['request']
}

/** A request that is restricted to trusted peers goes only to providers that it names. */
function mayAsk({ providers, trusted }: Job, name: string): boolean {
  return providers?.some((one) => one.toLowerCase() === name) ?? trusted === undefined
}

// biome-ignore lint/correctness/useYield: an answer is a generator, and this one fails
async function* untrusted(name: string): AsyncGenerator<AnswerEvent, void, void> {
  throw new InferenceError(
    'no_peers',
    `provider ${name} was not asked: the request is restricted to other peers and providers`,
    { details: { param: 'trusted' } },
  )
}
