import { openScope } from '../../timing/index.ts'
import { DOUBTED_TIER, type RouteRequest } from '../peers/index.ts'
import type { Candidate, Query } from '../request/index.ts'
import type { Choice, SelectionQuery } from './choice.ts'
import type { DispatchContext } from './dispatch-context.ts'

/** Wait for another peer while this client's own requests take all slots of those it has met. Begins anew with each that is met. */
const ROOM_WAIT_MS = 1_000
/** The same as a multiple of the time that meeting the first one took: on a slow line, or through a relay, others take as long. */
const PACES = 2
/** Longest wait in all, as long as a look-up takes, and as a part of the time that the request has left. */
const MAX_ROOM_WAIT_MS = 5_000
const MAX_PART = 0.25
/** Interval of looks for a slot that one of this client's own requests has left. */
const LOOK_MS = 250

export interface MeetingInit {
  readonly query: Query
  /** Peers that were not asked yet and suit the query. */
  readonly untried: (query: SelectionQuery) => readonly Choice[]
  readonly routing: () => RouteRequest
}

/** How long a request may wait for a peer with room. */
export interface RoomWait {
  readonly signal: AbortSignal
  /** Time that the request has waited for the first peer to be met. */
  readonly lookedMs: number
  /** Of the request. */
  readonly remainingMs: number
}

/** Meets peers for one request before it is sent to one that is likely to refuse it. */
export class Meeting {
  readonly #context: DispatchContext
  readonly #init: MeetingInit

  constructor(context: DispatchContext, init: MeetingInit) {
    this.#context = context
    this.#init = init
  }

  /** Whether others than these should be met first: those that were met are full, and more are known by hearsay. */
  isWanted(untried: readonly Choice[]): boolean {
    const heard = untried.filter((choice) => !isMet(choice))
    if (heard.length === 0) return false
    return !this.#haveRoom(untried.filter(isMet)) && this.#reaches(heard).length > 0
  }

  /** Those of the choices that were met and may have room: other requests may have chosen a moment ago. */
  withRoom(choices: readonly Choice[]): readonly Choice[] {
    const { router } = this.#context
    return choices.filter((choice) => isMet(choice) && router.mayHaveRoom(choice.candidate))
  }

  /** Whether a peer was not asked yet, met or known by hearsay, that may have room. */
  mayFindRoom(query: SelectionQuery): boolean {
    return this.#haveRoom(this.#init.untried(query))
  }

  /** Looks for a peer that can be asked beyond those known only by hearsay, if there are such. @returns whether one was met */
  async meets(query: SelectionQuery, signal: AbortSignal): Promise<boolean> {
    const accept = (): boolean => this.#init.untried({ ...query, met: true }).length > 0
    return (
      this.#reaches(this.#init.untried(query)).length > 0 && (await this.#discover(accept, signal))
    )
  }

  /**
   * While a look-up goes on and those met are full, waits for one that has room. Requests of a new client that begin
   * together would otherwise all go to the first peer that it meets.
   *
   * @param choose called without a pause after the last look at the peers, so that no other request chooses in between
   */
  async untilRoom<T>(query: SelectionQuery, wait: RoomWait, choose: () => T): Promise<T> {
    const { clock } = this.#context
    const patienceMs = Math.max(ROOM_WAIT_MS, PACES * wait.lookedMs)
    const untilMs = clock.now() + Math.min(MAX_ROOM_WAIT_MS, MAX_PART * wait.remainingMs)
    const met = { ...query, met: true }
    let known = this.#init.untried(met)
    let patientUntilMs = clock.now() + patienceMs
    while (known.length > 0 && !this.#haveRoom(known)) {
      const leftMs = Math.min(untilMs, patientUntilMs) - clock.now()
      if (leftMs <= 0 || !(await this.#looks(met, Math.min(leftMs, LOOK_MS), wait.signal))) break
      const before = known.length
      known = this.#init.untried(met)
      if (known.length > before) patientUntilMs = clock.now() + patienceMs
    }
    return choose()
  }

  /** Waits for a peer with room, for this long at most. @returns whether the look-up goes on, or met one */
  async #looks(met: SelectionQuery, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#context
    using scope = openScope({ timeoutMs, clock }, { signal })
    try {
      return await this.#discover(() => this.#haveRoom(this.#init.untried(met)), scope.signal)
    } catch (error) {
      if (signal.aborted || !scope.signal.aborted) throw error
      return true
    }
  }

  #discover(accept: () => boolean, signal: AbortSignal): Promise<boolean> {
    const { directory } = this.#context
    return directory.discover(this.#init.query, accept, { signal, again: false })
  }

  #haveRoom(choices: readonly Choice[]): boolean {
    const { router } = this.#context
    return this.#reaches(choices).some((candidate) => router.mayHaveRoom(candidate))
  }

  /** Without those in doubt, and those that could not be met a moment ago. */
  #reaches(choices: readonly Choice[]): readonly Candidate[] {
    const { directory, router } = this.#context
    const routing = this.#init.routing()
    return choices
      .map(({ candidate }) => candidate)
      .filter((candidate) => {
        const isSilent = candidate.acquaintance === 'heard' && directory.isSilent(candidate.key)
        return !isSilent && router.tier(candidate, routing) < DOUBTED_TIER
      })
  }
}

/** Whether this client has met the peer, which is not known by hearsay only. */
export function isMet({ candidate }: Choice): boolean {
  return candidate.acquaintance !== 'heard'
}
