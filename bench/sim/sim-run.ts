import { findAgreement } from '../../client/dispatch/agreement/find-agreement.ts'
import { type Failure, fatal, mayRepeat, pauseMs } from '../../client/dispatch/failures.ts'
import {
  type DispatchEffect,
  type DispatchInput,
  type DispatchState,
  initialState,
  transition,
} from '../../client/dispatch/machine.ts'
import { Pace } from '../../client/dispatch/pace.ts'
import type { RouteRequest } from '../../client/peers/route/router.ts'
import { LEAVING_TIER } from '../../client/peers/route/tier.ts'
import type { Candidate } from '../../client/request/candidate.ts'
import { REQUEST_LIMITS } from '../../client/request/limits.ts'
import { type Plan, parsePolicy } from '../../client/request/policy.ts'
import type { AuditSubject } from '../../client/trust/audit/audit-subject.ts'
import { type ErrorCode, InferenceError } from '../../protocol/index.ts'
import { tokenOf } from './divergence.ts'
import type { Outcome, SimRequest } from './outcome.ts'
import type { SimClient } from './sim-client.ts'
import type { Behaviour, FirstToken } from './sim-peer.ts'

const QUORUM = { withThird: 'quorum:2-of-3', withoutThird: 'quorum:2-of-2' } as const
/** How long a resume may wait for its lease: `ResumeReserve`'s own default. */
const LEASE_WAIT_MS = 5_000
const LEASE_POLL_MS = 100
/** A quorum compares deterministic answers; none of this one's fields bends the comparison. */
const ASKED = { kind: 'chat', body: { model: 'sim', messages: [], temperature: 0 } } as const

interface Lane {
  readonly id: number
  readonly reason: Extract<DispatchEffect, { type: 'open' }>['reason']
  readonly beside: boolean
  /** Of the answer, that others wrote. */
  readonly tokensBefore: number
  candidate?: Candidate
  leave?: Disposable
  cancel?: () => void
  lease?: { succeeded(): void; failed(): void }
  begunMs: number
  first?: FirstToken & { readonly atMs: number }
  silentMs?: number
  done: boolean
}

interface Segment {
  readonly candidate: Candidate
  readonly lies: boolean
  readonly from: number
  to: number
}

/** One request: the shipped state machine, carried out in virtual time. */
export class SimRun {
  readonly #client: SimClient
  readonly #request: SimRequest
  readonly #onEnd: (outcome: Outcome) => void
  readonly #plan: Plan
  readonly #failures: Failure[] = []
  readonly #failed: Candidate[] = []
  readonly #notBefore = new Map<string, number>()
  readonly #lanes = new Map<number, Lane>()
  readonly #segments: Segment[] = []
  readonly #startedMs: number
  #state: DispatchState
  #stopTimer = (): void => {}
  #timerAtMs: number | undefined
  #stopDeadline = (): void => {}
  #leader: Lane | undefined
  #ttftMs = Number.NaN
  #gapMs = 0
  #lastTokenMs = 0
  #attempts = 0
  #resumes = 0
  #tokensWritten = 0
  #ended: boolean = false

  constructor(client: SimClient, request: SimRequest, onEnd: (outcome: Outcome) => void) {
    this.#client = client
    this.#request = request
    this.#onEnd = onEnd
    const quorum = client.lacks('third-peer') ? QUORUM.withoutThird : QUORUM.withThird
    this.#plan = parsePolicy(client.init.policy === 'quorum' ? quorum : 'hedge')
    this.#state = initialState(this.#plan, REQUEST_LIMITS)
    this.#startedMs = client.world.time.now()
  }

  get #now(): number {
    return this.#client.world.time.now()
  }

  start(): void {
    this.#stopDeadline = this.#client.world.time.after(REQUEST_LIMITS.timeoutMs, () =>
      this.#conclude('deadline_exceeded'),
    )
    this.#apply({ type: 'start' })
  }

  get #routing(): RouteRequest {
    const { promptTokens, answerTokens, affinity } = this.#request
    const busy = [...this.#lanes.values()].flatMap(({ candidate }) => candidate ?? [])
    const apart = this.#client.lacks('apart') ? [] : [...busy, ...this.#failed]
    return { promptTokens, answerTokens, affinity, apart }
  }

  #apply(input: DispatchInput): void {
    if (this.#ended) return
    const { state, effects } = transition(this.#state, input)
    this.#state = state
    for (const effect of effects) this.#act(effect)
    this.#watch()
  }

  /** The machine's one timer. */
  #watch(): void {
    const atMs = 'asideAtMs' in this.#state ? this.#state.asideAtMs : undefined
    if (atMs === this.#timerAtMs) return
    this.#stopTimer()
    this.#timerAtMs = atMs
    if (atMs === undefined || this.#ended) return
    this.#stopTimer = this.#client.world.time.at(atMs, () => {
      this.#timerAtMs = undefined
      const now = this.#now
      this.#apply({ type: 'ticked', atMs: now, stallAtMs: now + 2 * this.#stallMs() })
    })
  }

  #act(effect: DispatchEffect): void {
    switch (effect.type) {
      case 'open':
        this.#open(effect)
        return
      case 'cancel':
        this.#supersede(effect.lane)
        return
      case 'lead':
        this.#lead(effect.lane)
        return
      case 'compare':
        this.#compare()
        return
      case 'finish':
        this.#finish(effect.lane)
        return
      case 'fail':
        this.#conclude(this.#codeOf())
        return
      case 'restart':
      case 'park':
      case 'unpark':
        return
      default:
        effect satisfies never
    }
  }

  #open({ lane: id, reason, beside }: Extract<DispatchEffect, { type: 'open' }>): void {
    const lane: Lane = {
      ...{ id, reason, beside, begunMs: this.#now, done: false },
      tokensBefore: this.#delivered(),
    }
    this.#lanes.set(id, lane)
    // As the run does: what cannot be chosen is told after the step that asked for it.
    this.#client.world.time.after(0, () => this.#choose(lane))
  }

  #choose(lane: Lane): void {
    if (this.#gone(lane)) return
    const { budget, reserve, router } = this.#client
    const { reason } = lane
    if (reason === 'hedge') {
      const full = router.saturated(this.#client.candidates())
      const choice = full ? undefined : this.#pick(this.#untried(true))
      if (choice === undefined || !budget.take()) this.#unchosen(lane)
      else this.#attempt(lane, choice)
      return
    }
    const last = this.#failures.at(-1)?.error.code
    if (reason === 'retry' && last !== 'dial_failed' && !budget.take()) {
      this.#unchosen(lane)
      return
    }
    if (reason === 'resume' || reason === 'stall' || reason === 'slow') {
      if (reserve.balance < 1) {
        const waitedMs = this.#now - lane.begunMs
        if (waitedMs >= LEASE_WAIT_MS) this.#unchosen(lane)
        else this.#client.world.time.after(LEASE_POLL_MS, () => this.#choose(lane))
        return
      }
      void reserve.acquire({ signal: new AbortController().signal }).then((lease) => {
        lane.lease = lease
        if (this.#gone(lane)) lease.succeeded()
        else this.#search(lane)
      })
      return
    }
    this.#search(lane)
  }

  /** Somebody new; else, unless others run, somebody who may be asked again after a pause. */
  #search(lane: Lane): void {
    if (this.#gone(lane)) return
    const choice = this.#pick(this.#untried(true))
    if (choice !== undefined) {
      this.#attempt(lane, choice)
      return
    }
    if (lane.beside) {
      this.#unchosen(lane)
      return
    }
    this.#client.refresh()
    const found = this.#pick(this.#untried(false))
    if (found !== undefined) {
      this.#attempt(lane, found)
      return
    }
    const last = new Map(this.#failures.map((failure) => [failure.peer, failure]))
    const repeatable = this.#free().filter(({ key }) => {
      const failure = last.get(key)
      return failure !== undefined && mayRepeat(failure)
    })
    const readyAt = ({ key }: Candidate): number => this.#notBefore.get(key) ?? 0
    const earliest = Math.min(...repeatable.map(readyAt))
    const endMs = this.#startedMs + REQUEST_LIMITS.timeoutMs
    if (repeatable.length === 0 || earliest >= endMs) {
      this.#unchosen(lane)
      return
    }
    this.#client.world.time.at(earliest, () => {
      if (this.#gone(lane)) return
      const again = this.#pick(repeatable.filter((one) => readyAt(one) <= earliest))
      if (again === undefined) this.#unchosen(lane)
      else this.#attempt(lane, again)
    })
  }

  #free(): readonly Candidate[] {
    const busy = new Set([...this.#lanes.values()].map(({ candidate }) => candidate?.key))
    return this.#client.candidates().filter(({ key }) => !busy.has(key))
  }

  #untried(usable: boolean): readonly Candidate[] {
    const tried = new Set(this.#failures.map(({ peer }) => peer))
    const fresh = this.#free().filter(({ key }) => !tried.has(key))
    if (!usable) return fresh
    const routing = this.#routing
    return fresh.filter((one) => this.#client.router.tier(one, routing) < LEAVING_TIER)
  }

  #pick(candidates: readonly Candidate[]): Candidate | undefined {
    if (candidates.length === 0) return undefined
    const chosen = this.#client.router.choose(candidates, this.#routing)
    this.#client.probe(candidates.filter((one) => one !== chosen))
    return chosen
  }

  #unchosen(lane: Lane): void {
    this.#lanes.delete(lane.id)
    lane.lease?.succeeded()
    const recovery = lane.beside ? this.#recovery() : 'restart'
    this.#apply({ type: 'unchosen', lane: lane.id, recovery })
  }

  #attempt(lane: Lane, candidate: Candidate): void {
    const { router } = this.#client
    lane.candidate = candidate
    lane.begunMs = this.#now
    lane.leave = router.enter(candidate)
    this.#attempts += 1
    if (lane.reason === 'resume' || lane.reason === 'stall' || lane.reason === 'slow') {
      this.#resumes += 1
    }
    const { promptTokens, answerTokens, affinity } = this.#request
    const afterMs = router.hedgeAfterMs(candidate, this.#routing, this.#client.candidates())
    const tokens = answerTokens - lane.tokensBefore
    const toRead = promptTokens + lane.tokensBefore
    const ttftTimeoutMs = REQUEST_LIMITS.ttftTimeoutMs + REQUEST_LIMITS.ttftPerTokenMs * toRead
    const stopTtft = this.#client.world.time.after(ttftTimeoutMs, () => {
      if (lane.first === undefined) this.#failedLane(lane, 'stalled')
    })
    const cancel = this.#client.send(candidate, {
      ...{ promptTokens: toRead, tokens },
      ...(affinity !== undefined && { affinity }),
      deadlineAtMs: this.#startedMs + REQUEST_LIMITS.timeoutMs,
      onStart: (first) => {
        stopTtft()
        this.#began(lane, first)
      },
      onEnd: () => this.#completed(lane),
      onFailure: (code, retryAfterMs) => {
        stopTtft()
        this.#failedLane(lane, code, retryAfterMs)
      },
      onSilence: () => this.#silent(lane),
    })
    lane.cancel = () => {
      stopTtft()
      cancel()
    }
    this.#apply({ type: 'chosen', lane: lane.id, asideAtMs: this.#now + afterMs })
  }

  #began(lane: Lane, first: FirstToken): void {
    const { candidate } = lane
    if (this.#gone(lane) || candidate === undefined) return
    lane.first = { ...first, atMs: this.#now }
    if (lane.tokensBefore === 0) {
      this.#client.router.began(candidate, this.#routing, this.#now - lane.begunMs)
    }
    if (this.#state.phase === 'comparing') return
    this.#apply({ type: 'began', lane: lane.id })
    // A gap that would be taken for a stall: this peer will be.
    if (first.gapMs > this.#stallMs() && !this.#client.lacks('pace')) this.#silent(lane)
  }

  #lead(id: number): void {
    const lane = this.#lanes.get(id)
    if (lane?.candidate === undefined) return
    if (Number.isNaN(this.#ttftMs)) this.#ttftMs = this.#now - this.#startedMs
    if (this.#leader !== undefined)
      this.#gapMs = Math.max(this.#gapMs, this.#now - this.#lastTokenMs)
    this.#close()
    lane.lease?.succeeded()
    this.#leader = lane
    const lies = lane.first?.lies ?? false
    const from = this.#delivered()
    this.#segments.push({ candidate: lane.candidate, lies, from, to: from })
  }

  /** Tokens that the leader has given so far. */
  #given(lane: Lane): number {
    if (lane.first === undefined) return 0
    const untilMs = Math.min(this.#now, lane.silentMs ?? this.#now)
    const tokens = 1 + Math.floor((untilMs - lane.first.atMs) / lane.first.gapMs)
    return Math.max(0, Math.min(this.#request.answerTokens - lane.tokensBefore, tokens))
  }

  /** Tokens that the caller has. */
  #delivered(): number {
    const leader = this.#leader
    const before = this.#segments.at(-1)
    return leader === undefined || before === undefined
      ? (before?.to ?? 0)
      : Math.max(before.to, before.from + this.#given(leader))
  }

  /** The leader's part of the answer ends here. */
  #close(): void {
    const segment = this.#segments.at(-1)
    if (segment !== undefined) segment.to = this.#delivered()
  }

  #silent(lane: Lane): void {
    if (this.#gone(lane)) return
    lane.silentMs = this.#now
    const { time } = this.#client.world
    if (lane.first === undefined) {
      time.after(REQUEST_LIMITS.silenceTimeoutMs, () => this.#failedLane(lane, 'stalled'))
      return
    }
    this.#lastTokenMs = this.#now
    time.after(REQUEST_LIMITS.itlTimeoutMs, () => this.#failedLane(lane, 'stalled'))
    if (this.#leader === lane) {
      this.#apply({ type: 'progressed', stallAtMs: this.#now + this.#stallMs() })
    }
  }

  /** By the rhythm that the leader had. */
  #stallMs(): number {
    const pace = new Pace(REQUEST_LIMITS)
    const { first, silentMs } = this.#leader ?? {}
    if (first !== undefined) {
      const heard = Math.floor(((silentMs ?? this.#now) - first.atMs) / first.gapMs)
      for (let gap = 0; gap < Math.min(heard, 16); gap += 1) pace.waited(first.gapMs, 1)
    }
    return pace.stallMs()
  }

  #completed(lane: Lane): void {
    if (this.#gone(lane)) return
    lane.done = true
    this.#apply({ type: 'completed', lane: lane.id })
  }

  #failedLane(lane: Lane, code: ErrorCode, retryAfterMs?: number): void {
    const { candidate } = lane
    if (this.#gone(lane) || candidate === undefined || lane.done) return
    if (this.#leader === lane) {
      this.#lastTokenMs = lane.silentMs ?? this.#now
      this.#close()
    }
    const { key: peer, advertisement } = candidate
    const { operator } = advertisement
    const error = new InferenceError(code, code, retryAfterMs === undefined ? {} : { retryAfterMs })
    const failure = { peer, operator, error }
    this.#failures.push(failure)
    this.#failed.push(candidate)
    const pause = pauseMs(failure, this.#failures.length, this.#client.random.next)
    this.#notBefore.set(peer, this.#now + pause)
    this.#client.router.failed(candidate, code)
    if (code === 'dial_failed') this.#client.refresh()
    this.#dismiss(lane)
    lane.lease?.failed()
    const final = fatal(this.#failures) !== undefined
    this.#apply({
      ...{ type: 'failed', lane: lane.id, final },
      recovery: this.#recovery(),
      unreached: code === 'dial_failed',
    })
  }

  #recovery(): 'end' | 'restart' | 'resume' {
    const delivered = this.#delivered()
    if (delivered >= this.#request.answerTokens) return 'end'
    return delivered > 0 ? 'resume' : 'restart'
  }

  #supersede(id: number): void {
    const lane = this.#lanes.get(id)
    if (lane?.candidate === undefined) {
      this.#lanes.delete(id)
      return
    }
    const { candidate } = lane
    if (lane === this.#leader) {
      this.#close()
      const { key: peer, advertisement } = candidate
      const error = new InferenceError('stalled', 'another went on')
      this.#failures.push({ peer, operator: advertisement.operator, error })
      this.#failed.push(candidate)
      this.#client.router.failed(candidate, 'stalled')
    } else if (lane.first === undefined) {
      this.#client.router.outpaced(candidate, this.#routing, this.#now - lane.begunMs)
    }
    this.#dismiss(lane)
  }

  #dismiss(lane: Lane): void {
    this.#tokensWritten += this.#given(lane)
    this.#lanes.delete(lane.id)
    lane.leave?.[Symbol.dispose]()
    lane.cancel?.()
  }

  /** The shipped comparison, of texts that tell who lied with whom. */
  #compare(): void {
    const plan = this.#plan
    if (plan.type !== 'quorum') return
    const whole = [...this.#lanes.values()].filter(({ done }) => done)
    const answers = whole.map(({ candidate, first }) => {
      const { clique, index } = this.#peerOf(candidate)
      const text = first?.lies === true ? `a lie of ${clique ?? index}` : 'the truth'
      return {
        kind: 'chat' as const,
        text,
        ...{ toolCalls: [], finishReason: 'stop', tokenIds: [], logprobs: [], embeddings: [] },
      }
    })
    const found = findAgreement(answers, plan.agree, ASKED)
    const winner = found === undefined ? undefined : whole[found.winner]?.id
    this.#apply({ type: 'compared', winner })
  }

  #peerOf(candidate: Candidate | undefined): Pick<Behaviour, 'clique' | 'lie'> & { index: number } {
    const { index, behaviour } = this.#client.world.peer(candidate?.key ?? '').init
    return { ...behaviour, index }
  }

  #finish(id: number | undefined): void {
    const lane = id === undefined ? this.#leader : this.#lanes.get(id)
    const { budget, reserve, router } = this.#client
    budget.succeeded()
    reserve.answered()
    const segment = this.#segments.at(-1)
    if (segment !== undefined) segment.to = this.#request.answerTokens
    if (lane?.first !== undefined && lane.candidate !== undefined && lane.done) {
      const { promptTokens, answerTokens } = this.#request
      const { prefillMs, cachedTokens, atMs, gapMs } = lane.first
      const completionTokens = answerTokens - lane.tokensBefore
      router.answered(lane.candidate, this.#routing, {
        ttftMs: atMs - lane.begunMs,
        ...{ prefillMs, promptTokens, completionTokens },
        cachedPromptTokens: cachedTokens,
        decodeMs: (completionTokens - 1) * gapMs,
      })
    }
    this.#conclude('answered')
  }

  #codeOf(): ErrorCode {
    return this.#failures.at(-1)?.error.code ?? 'no_peers'
  }

  #gone(lane: Lane): boolean {
    return this.#ended || this.#lanes.get(lane.id) !== lane
  }

  #conclude(code: ErrorCode | 'answered'): void {
    if (this.#ended) return
    this.#ended = true
    this.#stopTimer()
    this.#stopDeadline()
    for (const lane of [...this.#lanes.values()]) this.#dismiss(lane)
    const segments = this.#segments.filter(({ from, to }) => to > from)
    const subject = code === 'answered' ? this.#subject(segments) : undefined
    this.#onEnd({
      code,
      wrong: code === 'answered' && segments.some(({ lies }) => lies),
      ttftMs: this.#ttftMs,
      totalMs: this.#now - this.#startedMs,
      attempts: this.#attempts,
      resumes: this.#resumes,
      gapMs: this.#gapMs,
      tokensWritten: this.#tokensWritten,
      peers: segments.map(({ candidate }) => candidate.key),
      ...(subject !== undefined && { subject }),
    })
  }

  #subject(segments: readonly Segment[]): AuditSubject | undefined {
    if (segments.length === 0) return undefined
    const parts = segments.map(({ candidate, from, to }) => ({ candidate, from, to }))
    const tokenIds = segments.flatMap(({ candidate, lies, from, to }) => {
      const { index, lie = 'canned' } = this.#peerOf(candidate)
      const id = tokenOf(this.#request.number, index, lies ? lie : 'true')
      return Array<number>(to - from).fill(id)
    })
    return { asked: ASKED, tokenIds, parts, temperature: 0 }
  }
}
