import { ResumeReserve } from '../../client/dispatch/budget/resume-reserve.ts'
import { RetryBudget } from '../../client/dispatch/budget/retry-budget.ts'
import { createRouter } from '../../client/peers/route/create-router.ts'
import type { Router } from '../../client/peers/route/router.ts'
import type { Candidate } from '../../client/request/candidate.ts'
import type { AuditSubject } from '../../client/trust/audit/audit-subject.ts'
import { Auditor } from '../../client/trust/audit/auditor.ts'
import type { Reputation } from '../../client/trust/reputation/reputation.ts'
import { specClassOf } from '../../client/trust/reputation/spec-class.ts'
import { trustOf } from '../../client/trust/reputation/trust-of.ts'
import { judge } from '../../client/trust/verify/verdict.ts'
import { InferenceError, type ScoreRequest, type ScoreResponse } from '../../protocol/index.ts'
import type { Defence, SimClientInit } from './defence.ts'
import type { Outcome, SimRequest } from './outcome.ts'
import type { Random } from './random.ts'
import type { SimPeer } from './sim-peer.ts'
import { SimRun } from './sim-run.ts'
import { WeakenedReputation } from './weakened-reputation.ts'
import type { World } from './world.ts'

/** Candidates of one model that a client knows at most. */
const MAX_KNOWN = 64
/** A look-up, at most once in this time. */
const LOOKUP_EVERY_MS = 5_000
const PROBES_PER_CHOICE = 2
/** Nobody answers a dial in this time: `dialTimeoutMs` of the client. */
const DIAL_TIMEOUT_MS = 5_000

/** A client: the shipped router, budgets, reputation and auditor over simulated peers. */
export class SimClient {
  readonly name: string
  readonly region: string | undefined
  readonly world: World
  readonly random: Random
  readonly router: Router
  readonly budget: RetryBudget = new RetryBudget()
  readonly reserve: ResumeReserve = new ResumeReserve()
  readonly reputation: Reputation
  readonly init: SimClientInit
  /** Tokens that scorers read for it. */
  auditedTokens = 0
  readonly #auditor: Auditor
  readonly #admits: (candidate: Candidate) => boolean
  readonly #probing = new Set<string>()
  #known: readonly Candidate[]
  #lookedUpMs = 0
  #requests = 0

  constructor(world: World, init: SimClientInit) {
    this.world = world
    this.init = init
    this.name = init.name
    this.region = init.region
    this.random = world.random.fork()
    const { next: random } = this.random
    const { now, clock } = world.time
    this.reputation = new WeakenedReputation(now, init)
    const { admits, ...trust } = trustOf(this.reputation, random)
    this.#admits = admits
    // As if nobody were proven: newcomers are chosen by what they cost, like anybody.
    const open = this.lacks('held-newcomers') && { isProven: () => false }
    const even = this.lacks('reputation-in-cost') && { weight: () => 1 }
    this.router = createRouter({
      ...{ clock, random },
      salt: Uint8Array.from({ length: 16 }, () => this.random.below(256)),
      trust: { ...trust, ...open, ...even },
    })
    this.#auditor = new Auditor({
      ...{ now, random },
      reputation: this.reputation,
      directory: { known: () => this.#known.map(({ advertisement }) => advertisement) },
      seed: Uint8Array.from({ length: 32 }, () => this.random.below(256)),
      clock,
      score: (scorer, body) => this.#score(scorer, body),
    })
    this.#known = this.#lookUp()
  }

  lacks(defence: Defence): boolean {
    return this.init.without?.includes(defence) ?? false
  }

  /** Those that may be asked. */
  candidates(): readonly Candidate[] {
    return this.#known.filter(this.#admits)
  }

  /** Asks the network again, unless it was asked a moment ago. */
  refresh(): void {
    const nowMs = this.world.time.now()
    if (nowMs - this.#lookedUpMs < LOOKUP_EVERY_MS) return
    this.#lookedUpMs = nowMs
    this.#known = this.#lookUp()
  }

  /** Takes over those peers besides, as far as there is room: newcomers are found within minutes. */
  learnOf(peers: readonly SimPeer[]): void {
    const known = new Set(this.#known.map(({ key }) => key))
    const fresh = peers.map(({ candidate }) => candidate).filter(({ key }) => !known.has(key))
    this.#known = [...this.#known, ...fresh]
  }

  /** What the DHT tells: some of those that serve the model, those known and alive first. */
  #lookUp(): readonly Candidate[] {
    const { peers } = this.world
    if (peers.length <= MAX_KNOWN) return peers.map(({ candidate }) => candidate)
    const alive = (this.#known ?? []).filter(({ key }) => {
      return this.world.peer(key).status !== 'down' && !this.router.isEjected(key)
    })
    const known = new Set(alive.map(({ key }) => key))
    const found = this.random
      .sample(peers, MAX_KNOWN)
      .filter(({ candidate, status }) => !known.has(candidate.key) && status !== 'down')
      .map(({ candidate }) => candidate)
    return [...alive, ...found].slice(0, MAX_KNOWN)
  }

  request(asked: Omit<SimRequest, 'number'>, onEnd: (outcome: Outcome) => void): void {
    const number = ++this.#requests
    const id = `${this.name}-${number}`
    new SimRun(this, { ...asked, number }, (outcome) => {
      this.#check(id, outcome)
      onEnd(outcome)
    }).start()
  }

  /** Two others are asked how busy they are. */
  probe(candidates: readonly Candidate[]): void {
    const { time } = this.world
    for (const { key } of this.random.sample(candidates, PROBES_PER_CHOICE)) {
      if (this.#probing.has(key) || this.router.pool.fresh(key, time.now()) !== undefined) continue
      const peer = this.world.peer(key)
      if (peer.status === 'down' || !this.world.reaches(this.region, peer)) continue
      this.#probing.add(key)
      const rttMs = this.world.rttMs(this.region, peer)
      time.after(rttMs / 2, () => {
        const load = peer.loadFor(this.name)
        time.after(rttMs / 2, () => {
          this.#probing.delete(key)
          this.router.observeLoad(key, load)
          this.router.observeRtt(key, rttMs)
        })
      })
    }
  }

  /** An attempt arrives at its peer, or nowhere. @returns calls it off */
  send(
    candidate: Candidate,
    call: Omit<Parameters<SimPeer['serve']>[0], 'client' | 'rttMs'>,
  ): () => void {
    const { time } = this.world
    const peer = this.world.peer(candidate.key)
    const rttMs = this.world.rttMs(this.region, peer)
    let cancel = (): void => {}
    let cancelled = false
    const arrives = time.after(rttMs / 2, () => {
      if (!this.world.reaches(this.region, peer)) {
        cancel = time.after(DIAL_TIMEOUT_MS, () => call.onFailure('dial_failed'))
      } else if (peer.status === 'down') {
        cancel = time.after(rttMs / 2, () => call.onFailure('dial_failed'))
      } else {
        const { network } = this.init
        const from = { client: this.name, ...(network !== undefined && { network }) }
        cancel = peer.serve({ ...call, ...from, rttMs })
      }
    })
    return () => {
      if (cancelled) return
      cancelled = true
      arrives()
      // The word travels, too.
      time.after(rttMs / 2, () => cancel())
    }
  }

  #check(id: string, { subject }: Outcome): void {
    if (subject === undefined || this.lacks('audits')) return
    if (this.lacks('audit-floor') && this.#wasLookedAt(subject)) return
    if (!this.#auditor.samples(subject, id)) return
    const { signal } = new AbortController()
    if (!this.lacks('panel')) void this.#auditor.inBackground(subject, signal)
    // Whoever does not answer says nothing.
    else void this.#believeAnyone(subject).catch(() => {})
  }

  /** The control without a floor: ten audits, and never again. */
  #wasLookedAt({ parts: [part] }: AuditSubject): boolean {
    const [known] = this.reputation.report(part?.candidate.key)
    return (known?.audits ?? 0) >= 10
  }

  /** The control without a panel: whoever is asked first is believed. */
  async #believeAnyone(subject: AuditSubject): Promise<void> {
    const [part] = subject.parts
    const scorer = this.candidates()[this.random.below(this.candidates().length)]
    if (part === undefined || scorer === undefined) return
    const { key, model } = part.candidate
    const body = { model: model.id, request: subject.asked, completion: subject.tokenIds }
    const { scores } = await this.#score(scorer, body)
    const { outcome, hardMisses, logRatio } = judge(scores, 0)
    if (outcome === 'inconclusive') return
    this.reputation.audited(key, specClassOf(model), { outcome, hardMisses, logRatio })
  }

  #score({ key }: Candidate, body: ScoreRequest): Promise<ScoreResponse> {
    const peer = this.world.peer(key)
    const { completion } = body
    const positions = body.positions ?? completion.map((_, at) => at)
    return new Promise((resolve, reject) => {
      this.send(peer.candidate, {
        promptTokens: 200 + completion.length,
        tokens: 1,
        deadlineAtMs: this.world.time.now() + 120_000,
        onStart: () => {},
        onEnd: () => {
          this.auditedTokens += completion.length
          resolve({ object: 'score', scores: peer.rate(completion, positions) })
        },
        onFailure: (code) => reject(new InferenceError(code, 'it did not rate')),
        onSilence: () => reject(new InferenceError('stalled', 'it fell silent')),
      })
    })
  }
}
