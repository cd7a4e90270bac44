import { type ErrorKind, InferenceError } from '../../protocol/index.ts'
import { delay, type Scope } from '../../timing/index.ts'
import { LEAVING_TIER, type RouteRequest } from '../peers/index.ts'
import type { Candidate, Placement, Query } from '../request/index.ts'
import type { Choice, SelectionQuery } from './choice.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { FailedPeers } from './failed-peers.ts'
import { claimedPromptTokens, type Failure, mayRepeat } from './failures.ts'
import { isMet, Meeting } from './meeting.ts'
import { noneFound, noneLeft } from './no-peer.ts'
import { resumeMethod } from './resume-need.ts'

/** Other peers probed in the background at each choice, to inform the next choice (Prequal: about 3 per query). */
const PROBES_PER_CHOICE = 2

/** A node has two relays, and may by now be directly reachable. */
const MAX_OTHER_PATHS = 2
/** For a dial over another path, while other peers could be asked: a peer that is gone must not delay them. */
const OTHER_PATH_DIAL_MS = 2_500
/** Interval of look-ups for peers while one that was lost may be on its way back. */
const LOOK_AGAIN_MS = 500

export interface SelectionInit {
  readonly query: Query
  /** Estimated length of the prompt. */
  readonly promptTokens: number
  readonly answerTokens: number
  readonly affinity: string | undefined
  readonly placement?: Placement
  /** Peers that may see the request. @default all */
  readonly trusted?: ReadonlySet<string>
  /** Whether another model is asked if no peer is left. @default false */
  readonly hasNext?: boolean
}

/** Chooses the peers of one request. A failed peer is chosen again only if no other is left. */
export class Selection {
  readonly #context: DispatchContext
  readonly #init: SelectionInit
  readonly #failed: FailedPeers
  readonly meeting: Meeting

  constructor(context: DispatchContext, init: SelectionInit) {
    this.#context = context
    this.#init = init
    const { clock, random, directory } = context
    this.#failed = new FailedPeers({
      ...{ clock, random, hasNext: init.hasNext ?? false },
      lostAtMs: (peer) => directory.lostAtMs(peer),
    })
    this.meeting = new Meeting(context, {
      query: init.query,
      untried: (query) => this.#untried(query),
      routing: () => this.routing(),
    })
  }

  get failures(): readonly Failure[] {
    return this.#failed.failures
  }

  failed(candidate: Candidate, error: InferenceError, options: { isHang: boolean }): void {
    this.#failed.add(candidate, error, options)
    this.#context.directory.failed(this.#init.query)
  }

  /** Whether a path was lost: this machine may be without a network. */
  get hasLostPath(): boolean {
    return this.#failed.hasLostPath
  }

  /** Whether a peer, met or known by hearsay, was not asked yet. */
  hasUntried(busy: readonly Candidate[]): boolean {
    return this.#untried({ busy }).length > 0
  }

  /** Whether an untried peer advertises a context for a prompt of this length. */
  hasRoomFor(promptTokens: number): boolean {
    return this.#untried({ busy: [] }).some(
      ({ candidate: { model } }) => model.contextLength === 0 || model.contextLength > promptTokens,
    )
  }

  /** Whether a peer was not asked yet whose claim counts more than that of strangers that reject a request. */
  hasBetterThan(kind: ErrorKind): boolean {
    // An engine that failed, or hung, may have done so by accident, and any other may succeed.
    return this.#untried({ busy: [] }).some(
      ({ candidate: { acquaintance } }) => kind !== 'claim' || acquaintance === 'answered',
    )
  }

  /** Whether a peer that this client has met, other than this one, could still take the request over. */
  hasOther({ key }: Candidate): boolean {
    return this.candidates().some((other) => {
      if (other.key === key || other.acquaintance === 'heard') return false
      const failure = this.#failed.newestOf(other.key)
      return (
        failure === undefined ||
        (mayRepeat(failure, this.failures) && failure.error.code !== 'stalled')
      )
    })
  }

  /** What the router needs to know about the request at this point. */
  routing(busy: readonly Candidate[] = []): RouteRequest {
    const { promptTokens, answerTokens, affinity, placement } = this.#init
    return {
      promptTokens: claimedPromptTokens(this.failures) ?? promptTokens,
      answerTokens,
      affinity,
      spread: placement !== undefined,
      apart: [...busy, ...this.#failed.candidates],
      again: this.failures.length > 0,
    }
  }

  /** All peers that may be asked, tried or not. */
  candidates(): readonly Candidate[] {
    return this.#admitted(this.#context.directory.candidates(this.#init.query))
  }

  /** Removes peers that the caller does not trust and peers that the client has quarantined. */
  #admitted(all: readonly Candidate[]): readonly Candidate[] {
    const { placement, trusted } = this.#init
    const { admits } = this.#context
    const allowed = all.filter(
      (candidate) => (trusted?.has(candidate.key) ?? true) && (admits?.(candidate) ?? true),
    )
    return placement?.narrow?.(allowed) ?? allowed
  }

  /** A peer that can be asked at once, in addition to the busy ones. */
  immediate(query: SelectionQuery): Choice | undefined {
    return this.#immediateOf(this.#untried(query), query)
  }

  /** A peer that this client has met and that can be asked at once, unless others should be met first. */
  known(query: SelectionQuery): Choice | undefined {
    const untried = this.#untried(query)
    if (this.meeting.isWanted(untried)) return undefined
    return this.#immediateOf(untried.filter(isMet), query)
  }

  #immediateOf(choices: readonly Choice[], query: SelectionQuery): Choice | undefined {
    const routing = this.routing()
    const { router } = this.#context
    const usable = choices.filter(({ candidate }) => router.tier(candidate, routing) < LEAVING_TIER)
    return usable.length === 0 ? undefined : this.#pick(usable, query)
  }

  /** The same, after a look-up. */
  async immediateAfterLookup(
    busy: () => readonly Candidate[],
    signal: AbortSignal,
  ): Promise<Choice | undefined> {
    const accept = (): boolean => this.#untried({ busy: busy() }).length > 0
    await this.#context.directory.discover(this.#init.query, accept, { signal, again: false })
    return this.immediate({ busy: busy() })
  }

  /** @throws InferenceError if there is no peer to ask; the scope's reason */
  async next(query: SelectionQuery, scope: Pick<Scope, 'remainingMs' | 'signal'>): Promise<Choice> {
    const { clock, directory } = this.#context
    const { signal } = scope
    signal.throwIfAborted()
    const startedMs = clock.now()
    const same = this.overAnotherPath(query)
    if (same !== undefined) return same
    // A peer known only by hearsay is asked only after a look-up has met no other.
    const known = this.known(query)
    if (known !== undefined) return known
    const isNew = (candidate: Candidate): boolean =>
      this.#suitable([candidate], { ...query, met: true }).length > 0 &&
      !this.#tried(candidate) &&
      this.#context.router.tier(candidate, this.routing()) < LEAVING_TIER
    // A busy peer is no reason for another look-up, as it stays in the swarm. A draining one leaves.
    const again = this.failures.some(
      ({ error: { code, traits } }) => traits.kind !== 'busy' || code === 'draining',
    )
    const accept = (found: readonly Candidate[]): boolean => this.#admitted(found).some(isNew)
    await directory.discover(this.#init.query, accept, { signal, again })
    const lookedMs = clock.now() - startedMs
    const wait = { signal, lookedMs, remainingMs: scope.remainingMs() }
    const choice = await this.meeting.untilRoom(query, wait, () => {
      const untried = this.#untried(query)
      const roomy = this.meeting.withRoom(untried)
      const choices = roomy.length > 0 ? roomy : untried
      return choices.length > 0 ? this.#pick(choices, query) : undefined
    })
    if (choice !== undefined) return choice
    if (this.failures.length > 0) return await this.#again(query, scope)
    if (query.busy.length > 0) throw new InferenceError('no_peers', 'no further peer serves this')
    const absence = await noneFound(this.#context, this.#init, signal)
    // The look-up of all nodes may have found a peer that the look-up by model did not.
    const late = this.#untried(query)
    if (late.length === 0) throw absence
    return this.#pick(late, query)
  }

  /**
   * The peer whose path was lost during its attempt: its engine has the prompt cached, and another path may exist. It
   * comes before all others.
   */
  overAnotherPath(query: SelectionQuery): Choice | undefined {
    const last = this.failures.at(-1)
    if (last?.error.code !== 'path_lost') return undefined
    const ofPeer = this.failures.filter(({ peer }) => peer === last.peer)
    if (ofPeer.length > MAX_OTHER_PATHS) return undefined
    const candidates = this.candidates().filter(({ key }) => key === last.peer)
    const [same] = this.#suitable(candidates, query)
    if (same === undefined) return undefined
    const hasOthers = this.#untried(query).length > 0
    return {
      ...this.#pick([same], query),
      ...(hasOthers && { dialTimeoutMs: OTHER_PATH_DIAL_MS }),
    }
  }

  async #again(
    query: SelectionQuery,
    scope: Pick<Scope, 'remainingMs' | 'signal'>,
  ): Promise<Choice> {
    const { clock, directory } = this.#context
    for (;;) {
      const repeatable = this.#repeatable(query)
      const readyAt = ({ candidate: { key } }: Choice): number => this.#failed.readyAtMs(key)
      const earliest = Math.min(...repeatable.map(readyAt))
      const isKnown = repeatable.length > 0
      const waitMs = isKnown ? Math.max(0, earliest - clock.now()) : LOOK_AGAIN_MS
      const mayWait = isKnown || this.#failed.mayAnyBeBack()
      if (!mayWait || waitMs >= scope.remainingMs()) throw this.exhausted()
      await delay(waitMs, { signal: scope.signal, clock })
      if (isKnown) {
        return this.#pick(
          repeatable.filter((choice) => readyAt(choice) <= earliest),
          query,
        )
      }
      // What was known of the peers may have expired while this machine was away.
      const accept = (): boolean => this.#repeatable(query).length > 0
      await directory.discover(this.#init.query, accept, { signal: scope.signal, again: true })
    }
  }

  /** Peers that failed and may be asked once more. */
  #repeatable(query: SelectionQuery): Choice[] {
    return this.#suitable(this.candidates(), query).filter((choice) => {
      const failure = this.#failed.newestOf(choice.candidate.key)
      if (failure === undefined) return false
      const isBack = this.#failed.mayBeBack(failure.peer)
      return mayRepeat(failure, this.failures) || isBack || this.#mayGoByText(choice, query)
    })
  }

  /** A peer that refused the ids once may still accept the text. */
  #mayGoByText({ candidate: { key }, exact }: Choice, { resume }: SelectionQuery): boolean {
    const refusals = this.failures.filter(
      ({ peer, error }) => peer === key && error.code === 'not_resumable',
    )
    return resume?.idsRefused === true && exact === false && refusals.length === 1
  }

  /** The error when no peer is left. */
  exhausted(): InferenceError {
    return noneLeft(this.#context.host, this.#init.query, this.failures)
  }

  #tried({ key }: Candidate): boolean {
    return this.#failed.newestOf(key) !== undefined
  }

  #untried(query: SelectionQuery): Choice[] {
    return this.#suitable(
      this.candidates().filter((candidate) => !this.#tried(candidate)),
      query,
    )
  }

  /** Peers that can serve what is wanted and are not busy with it. */
  #suitable(candidates: readonly Candidate[], { resume, busy, met }: SelectionQuery): Choice[] {
    const free = candidates.filter(
      (candidate) =>
        (met !== true || isMet({ candidate })) && !busy.some(({ key }) => key === candidate.key),
    )
    if (resume === undefined) return free.map((candidate) => ({ candidate }))
    return free.flatMap((candidate) => {
      const how = resumeMethod(candidate, resume)
      return how === undefined ? [] : [{ candidate, ...how }]
    })
  }

  #pick(choices: readonly Choice[], { busy }: SelectionQuery): Choice {
    const { prober, router, random } = this.#context
    const exact = choices.filter(
      // For a peer known only by hearsay, its weights are hearsay as well.
      (choice) => choice.exact === true && choice.candidate.acquaintance !== 'heard',
    )
    const preferred = exact.length > 0 ? exact : choices
    const candidates = preferred.map(({ candidate }) => candidate)
    const chosen = router.choose(candidates, this.routing(busy))
    const choice = preferred.find(({ candidate }) => candidate === chosen)
    if (choice === undefined) throw this.exhausted()
    this.#init.placement?.onPeer?.(choice.candidate)
    const others = candidates.filter((candidate) => candidate !== chosen)
    const start = Math.floor(random() * others.length)
    const probed = [...others.slice(start), ...others.slice(0, start)].slice(0, PROBES_PER_CHOICE)
    prober.refresh(probed.map(({ peerId }) => peerId))
    return choice
  }
}
