import { InferenceError } from '../../protocol/index.ts'
import { type Chains, createChains, type OwnNames } from '../chain/index.ts'
import { dispatch } from '../dispatch/index.ts'
import { OpenParts, type RequestEvent, type RunningRequest } from '../request/index.ts'
import { ActiveRequest } from './active-request.ts'
import { type Answers, createAnswers } from './answers.ts'
import type { Ask } from './ask.ts'
import { assembleClient, type RequesterHost } from './assemble-client.ts'
import { checked } from './checked.ts'
import { type ClientStats, clientStats } from './client-stats.ts'
import { createListings, type Listings } from './listings.ts'
import { recorded } from './recorded.ts'
import { remembered } from './remembered.ts'
import type { Settings } from './settings.ts'
import { swarmListings } from './swarm-listings.ts'
import { swarmStats } from './swarm-stats.ts'

/** Everything that a client does, except owning a host. */
export interface Requester extends Answers, Listings {
  /** Whether several models may answer: the request names more than one, or `auto`. */
  isChain(body: object): boolean
  /** Names that requests may use in addition to the models of the network. */
  readonly names: OwnNames
  /** @see Chains.rename */
  readonly rename: Chains['rename']
  /** Subscribes to request records. @returns unsubscribe */
  observe(listener: (record: RequestEvent) => void): () => void
  /** The requests that have not ended, in the order of their starts. */
  running(): readonly RunningRequest[]
  stats(): ClientStats
  /** Running attempts. */
  readonly inFlight: number
  /** Cancels all requests and waits for background work to end. */
  close(): Promise<void>
}

/** One of the swarms that a requester asks. */
export interface RequesterSwarm {
  readonly name: string
  readonly host: RequesterHost
  /** Its reputation, ledger and budgets are of this swarm alone. */
  readonly settings: Settings
}

/** @throws InferenceError `invalid_request` for an invalid alias, provider or canary mode */
export function createRequester(host: RequesterHost, settings: Settings): Requester {
  const part = partOf({ host, settings })
  const { context, closing, listings, stats } = part
  const chains = createChains({ ...settings, swarms: [part] })
  // A request passes through the stages from recorded to dispatched; its answer comes back through them.
  const dispatched: Ask = (request, scope) => dispatch(context, request, scope)
  const open = new OpenParts()
  // Closed last: the requests that providers answer are ended first.
  open.defer(() => chains.close())
  open.defer(part.close)
  return requesterOver({
    ask: part.checked(chains.chained(dispatched)),
    ...{ settings, chains, closing, listings, stats, close: () => open[Symbol.asyncDispose]() },
  })
}

/**
 * A requester for several swarms, the default first. Only the chain knows them all: each has a directory, routes, budgets,
 * standings and audits of its own, and sees the requests whose names lead to it.
 *
 * @throws InferenceError `invalid_request` for an invalid alias, provider or canary mode
 */
export function createSwarmsRequester(
  swarms: readonly [RequesterSwarm, ...RequesterSwarm[]],
  settings: Settings,
): Requester {
  const open = new OpenParts()
  const openSwarm = (swarm: RequesterSwarm) => {
    const part = partOf(swarm)
    open.defer(part.close)
    // One trace id in two swarms would show that one caller is in both.
    const context = { ...part.context, carriesTraces: false }
    const dispatched: Ask = (request, scope) => dispatch(context, request, scope)
    return { ...part, name: swarm.name, ask: part.checked(dispatched) }
  }
  const [first, ...others] = swarms
  const all = [openSwarm(first), ...others.map(openSwarm)] as const
  const [defaultSwarm] = all
  const chains = createChains({ ...settings, swarms: all })
  open.defer(() => chains.close())
  const closing = new AbortController()
  open.defer(() => closing.abort(new InferenceError('cancelled', 'the client is closed')))
  const inSwarm: Ask = (request, scope) => {
    const { ask } = all.find(({ name }) => name === request.swarm) ?? defaultSwarm
    return ask(request, scope)
  }
  return requesterOver({
    // Answers of providers belong to no swarm: the check only says that they cannot be rated.
    ask: chains.chained(inSwarm, defaultSwarm.checked),
    ...{ settings, chains, closing: closing.signal, close: () => open[Symbol.asyncDispose]() },
    listings: swarmListings(all),
    stats: () => swarmStats(all.map(({ stats }) => stats())),
  })
}

/** One swarm's part of a requester. */
function partOf({ host, settings }: Omit<RequesterSwarm, 'name'>) {
  const parts = assembleClient(host, settings)
  const { context, trust, closing, close } = parts
  const { directory, router } = context
  const { timeoutMs } = settings.requestLimits
  return {
    ...{ host, directory, router, context, closing, close },
    checked: checked({ ...trust, background: closing }),
    listings: createListings({ ...context, host, timeoutMs, closing }),
    stats: () => clientStats(parts),
  }
}

interface RequesterParts {
  /** The stages behind the record and the failure memory. */
  readonly ask: Ask
  readonly settings: Settings
  readonly chains: Chains
  readonly listings: Listings
  readonly stats: () => ClientStats
  /** Aborts when the client closes. */
  readonly closing: AbortSignal
  close(): Promise<void>
}

function requesterOver(parts: RequesterParts): Requester {
  const { settings, chains, listings, closing } = parts
  const { clock, onEvent, verify } = settings
  const running = new Set<() => RunningRequest>()
  const listeners = new Set(onEvent === undefined ? [] : [onEvent])
  const ask: Ask = recorded({ listeners, running, clock, onPrompt: settings.onPrompt })(
    remembered({ clock })(parts.ask),
  )
  const answers = createAnswers({
    begin: (call) => new ActiveRequest(call, { ask, settings, chains, closing }),
    verify,
    clock,
  })
  return {
    ...answers,
    ...listings,
    isChain(body) {
      const members = chains.chainOf(body)?.members ?? []
      return members.length > 1 || members.some(({ type }) => type === 'auto')
    },
    names: chains.names,
    rename: chains.rename,
    observe(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    running: () => [...running].map((request) => request()),
    stats: parts.stats,
    get inFlight() {
      return parts.stats().inFlight
    },
    close: parts.close,
  }
}
