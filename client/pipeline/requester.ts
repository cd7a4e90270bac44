import type { OwnNames } from '../chain/index.ts'
import { dispatch } from '../dispatch/index.ts'
import type { RequestEvent } from '../request/index.ts'
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

/** The client's work, apart from owning a host. */
export interface Requester extends Answers, Listings {
  /** Whether more than one model may answer this: the request names several, or `auto`. */
  isChain(body: object): boolean
  /** What requests may name beside the models of the network. */
  readonly names: OwnNames
  /** Subscribes to the records of requests. @returns unsubscribe */
  observe(listener: (record: RequestEvent) => void): () => void
  stats(): ClientStats
  /** Attempts under way. */
  readonly inFlight: number
  /** Cancels what runs, and waits for the background work to end. */
  close(): Promise<void>
}

/** @throws InferenceError `invalid_request` for an alias, a provider or a canary mode that cannot be used */
export function createRequester(host: RequesterHost, settings: Settings): Requester {
  const { clock, onEvent, requestLimits, verify } = settings
  const parts = assembleClient(host, settings)
  const { context, chains, trust, closing } = parts
  const listeners = new Set(onEvent === undefined ? [] : [onEvent])

  // A request passes the stages from the first to the last; its answer comes back through them.
  const dispatched: Ask = (request, scope) => dispatch(context, request, scope)
  const chained: Ask = chains.chained(dispatched)
  const ask: Ask = recorded({ listeners, clock })(
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
    observe(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    stats: () => clientStats(parts),
    get inFlight() {
      return context.router.inFlight
    },
    close: parts.close,
  }
}
