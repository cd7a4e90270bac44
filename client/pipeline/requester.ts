import type { Chains, OwnNames } from '../chain/index.ts'
import { dispatch } from '../dispatch/index.ts'
import type { RequestEvent, RunningRequest } from '../request/index.ts'
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

/** @throws InferenceError `invalid_request` for an invalid alias, provider or canary mode */
export function createRequester(host: RequesterHost, settings: Settings): Requester {
  const { clock, onEvent, requestLimits, verify } = settings
  const parts = assembleClient(host, settings)
  const { context, chains, trust, closing } = parts
  const running = new Set<() => RunningRequest>()
  const listeners = new Set(onEvent === undefined ? [] : [onEvent])

  // A request passes through the stages from recorded to dispatched; its answer comes back through them.
  const dispatched: Ask = (request, scope) => dispatch(context, request, scope)
  const chained: Ask = chains.chained(dispatched)
  const ask: Ask = recorded({ listeners, running, clock, onPrompt: settings.onPrompt })(
    remembered({ clock })(checked({ ...trust, background: closing })(chained)),
  )

  const answers = createAnswers({
    begin: (call) => new ActiveRequest(call, { ask, settings, chains, closing }),
    verify,
    clock,
  })
  const listings = createListings({
    ...context,
    host,
    timeoutMs: requestLimits.timeoutMs,
    closing,
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
    stats: () => clientStats(parts),
    get inFlight() {
      return context.router.inFlight
    },
    close: parts.close,
  }
}
