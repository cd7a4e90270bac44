import { openScope } from '../../timing/index.ts'
import { DOUBTED_TIER, type RouteRequest } from '../peers/index.ts'
import type { Candidate, Query } from '../request/index.ts'
import type { Choice, SelectionQuery } from './choice.ts'
import type { DispatchContext } from './dispatch-context.ts'

/** Longest wait for another peer while this client's own requests take all slots of those it has met. */
const ROOM_WAIT_MS = 1_000

export interface MeetingInit {
  readonly query: Query
  /** Peers that were not asked yet and suit the query. */
  readonly untried: (query: SelectionQuery) => readonly Choice[]
  readonly routing: () => RouteRequest
}

/** Meets peers for one request before it is sent to one that is likely to refuse it. */
export class Meeting {
  readonly #context: DispatchContext
  readonly #init: MeetingInit

  constructor(context: DispatchContext, init: MeetingInit) {
    this.#context = context
    this.#init = init
  }

  /** Whether others should be met first: those that were met are full, and more are known by hearsay. */
  isWanted(query: SelectionQuery): boolean {
    return !this.#hasRoom({ ...query, met: true }) && this.#hearsOf(query)
  }

  /** Those of the choices that were met and may have room: other requests may have chosen a moment ago. */
  withRoom(choices: readonly Choice[]): readonly Choice[] {
    return choices.filter(
      ({ candidate }) =>
        candidate.acquaintance !== 'heard' && this.#context.router.mayHaveRoom(candidate),
    )
  }

  /** Whether a peer was not asked yet, met or known by hearsay, that may have room. */
  mayFindRoom(query: SelectionQuery): boolean {
    return this.#hasRoom(query)
  }

  /** Looks for a peer that can be asked beyond those known only by hearsay, if there are such. @returns whether one was met */
  async meets(query: SelectionQuery, signal: AbortSignal): Promise<boolean> {
    const accept = (): boolean => this.#init.untried({ ...query, met: true }).length > 0
    return this.#reaches(query).length > 0 && (await this.#discover(accept, signal))
  }

  /**
   * While a look-up goes on and those met are full, waits for one that has room, for a moment at most. Requests of a new
   * client that begin together would otherwise all go to the first peer that it meets.
   *
   * @param choose called without a pause after the last look at the peers, so that no other request chooses in between
   */
  async untilRoom<T>(query: SelectionQuery, signal: AbortSignal, choose: () => T): Promise<T> {
    const met = { ...query, met: true }
    const { clock } = this.#context
    using scope = openScope({ timeoutMs: ROOM_WAIT_MS, clock }, { signal })
    let goesOn = true
    while (goesOn && this.#init.untried(met).length > 0 && !this.#hasRoom(met)) {
      goesOn = await this.#discover(() => this.#hasRoom(met), scope.signal).catch((error) => {
        if (signal.aborted || !scope.signal.aborted) throw error
        return false
      })
    }
    return choose()
  }

  #discover(accept: () => boolean, signal: AbortSignal): Promise<boolean> {
    const { directory } = this.#context
    return directory.discover(this.#init.query, accept, { signal, again: false })
  }

  #hasRoom(query: SelectionQuery): boolean {
    const { router } = this.#context
    return this.#reaches(query).some((candidate) => router.mayHaveRoom(candidate))
  }

  #hearsOf(query: SelectionQuery): boolean {
    return this.#reaches(query).some(({ acquaintance }) => acquaintance === 'heard')
  }

  /** Untried peers without those in doubt, and those that could not be met a moment ago. */
  #reaches(query: SelectionQuery): readonly Candidate[] {
    const { directory, router } = this.#context
    const routing = this.#init.routing()
    return this.#init
      .untried(query)
      .map(({ candidate }) => candidate)
      .filter((candidate) => {
        const isSilent = candidate.acquaintance === 'heard' && directory.isSilent(candidate.key)
        return !isSilent && router.tier(candidate, routing) < DOUBTED_TIER
      })
  }
}
