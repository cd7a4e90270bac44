import type { PeerId } from '@libp2p/interface'
import {
  type DispatchContext,
  dispatch,
  ResumeReserve,
  RetryBudget,
} from '../../client/dispatch/index.ts'
import { createRouter } from '../../client/peers/route/create-router.ts'
import type { Router } from '../../client/peers/route/router.ts'
import { type Candidate, Journal, REQUEST_LIMITS } from '../../client/request/index.ts'
import type { AuditSubject } from '../../client/trust/audit/audit-subject.ts'
import { Auditor } from '../../client/trust/audit/auditor.ts'
import type { Reputation } from '../../client/trust/reputation/reputation.ts'
import { specClassOf } from '../../client/trust/reputation/spec-class.ts'
import { trustOf } from '../../client/trust/reputation/trust-of.ts'
import { tokenVerdict } from '../../client/trust/verify/token-verdict.ts'
import { InferenceError, type ScoreRequest, type ScoreResponse } from '../../protocol/index.ts'
import type { Random } from '../../testing/index.ts'
import { openScope } from '../../timing/index.ts'
import { AnswerRecord } from './answer-record.ts'
import type { Defence, SimClientInit } from './defence.ts'
import type { Outcome, SimRequest } from './outcome.ts'
import { createSimAttempt } from './sim-attempt.ts'
import { SimDirectory } from './sim-directory.ts'
import { jobOf } from './sim-job.ts'
import type { SimPeer } from './sim-peer.ts'
import { WeakenedReputation } from './weakened-reputation.ts'
import type { World } from './world.ts'

/** A client: the shipped dispatcher, router, budgets, reputation and auditor over simulated peers. */
export class SimClient {
  readonly name: string
  readonly region: string | undefined
  readonly world: World
  readonly random: Random
  readonly router: Router
  readonly reputation: Reputation
  readonly init: SimClientInit
  /** Tokens that scorers read for it. */
  auditedTokens = 0
  readonly #auditor: Auditor
  readonly #admits: (candidate: Candidate) => boolean
  readonly #directory: SimDirectory
  readonly #context: Omit<DispatchContext, 'attempt'>
  readonly #probing = new Set<string>()
  #requests = 0

  constructor(world: World, init: SimClientInit) {
    this.world = world
    this.init = init
    this.name = init.name
    this.region = init.region
    this.random = world.random.fork()
    const { next: random } = this.random
    const { time: clock } = world
    const { now } = clock
    this.reputation = new WeakenedReputation(now, init)
    const { admits, ...trust } = trustOf(this.reputation, random)
    this.#admits = admits
    // As if every peer were proven: newcomers are selected by cost, like any other peer.
    const open = this.lacks('held-newcomers') && { isProven: () => true }
    const even = this.lacks('reputation-in-cost') && { weight: () => 1 }
    this.router = createRouter({
      ...{ clock, random },
      salt: Uint8Array.from({ length: 16 }, () => this.random.below(256)),
      trust: { ...trust, ...open, ...even },
    })
    this.#directory = new SimDirectory({
      ...{ world, random: this.random },
      isEjected: (peer) => this.router.isEjected(peer),
    })
    this.#context = {
      clock,
      random,
      // A peer is always connected, so an unreachable peer counts as gone.
      host: { bootstrapPeers: () => [], libp2p: { getPeers: () => [CONNECTED] } },
      directory: this.#directory.directory,
      prober: {
        probe: () => Promise.reject(new Error('not simulated')),
        refresh: (peers) => this.#probe(peers.map(String)),
      },
      router: this.lacks('apart') ? withoutApart(this.router) : this.router,
      affinity: true,
      admits,
      budget: new RetryBudget(),
      reserve: new ResumeReserve({ clock }),
    }
    this.#auditor = new Auditor({
      ...{ now, random },
      reputation: this.reputation,
      directory: this.#directory.directory,
      seed: Uint8Array.from({ length: 32 }, () => this.random.below(256)),
      clock,
      score: (scorer, body) => this.#score(scorer, body),
    })
  }

  lacks(defence: Defence): boolean {
    return this.init.without?.includes(defence) ?? false
  }

  /** Adds peers to those that the client knows. */
  learnOf(peers: readonly SimPeer[]): void {
    this.#directory.learnOf(peers)
  }

  request(asked: Omit<SimRequest, 'number'>, onEnd: (outcome: Outcome) => void): void {
    const number = ++this.#requests
    void this.#run({ ...asked, number }).then((outcome) => {
      this.#check(`${this.name}-${number}`, outcome)
      onEnd(outcome)
    })
  }

  async #run(asked: SimRequest): Promise<Outcome> {
    const { time: clock } = this.world
    const journal = new Journal(asked.promptTokens, [], clock)
    const record = new AnswerRecord(clock.now)
    const job = jobOf(this.init, asked, journal)
    const context = {
      ...this.#context,
      affinity: asked.affinity !== undefined,
      attempt: createSimAttempt(this, asked),
    }
    using scope = openScope({ timeoutMs: job.limits.timeoutMs, clock })
    let code: Outcome['code'] = 'answered'
    try {
      for await (const event of dispatch(context, job, scope)) record.take(event)
    } catch (error) {
      code = InferenceError.from(error).code
    }
    return record.outcome(code, journal)
  }

  /** Probes the load of these peers. */
  #probe(keys: readonly string[]): void {
    const { time } = this.world
    for (const key of keys) {
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

  /** Sends an attempt to its peer, which may be out of reach. @returns cancels it */
  send(
    peer: SimPeer,
    call: Omit<Parameters<SimPeer['serve']>[0], 'client' | 'network' | 'rttMs'>,
  ): () => void {
    const { time } = this.world
    const rttMs = this.world.rttMs(this.region, peer)
    let cancel = (): void => {}
    let cancelled = false
    const unreached = (ms: number): (() => void) => {
      const timer = time.after(ms, () => call.onFailure('dial_failed'))
      return () => timer[Symbol.dispose]()
    }
    const arrives = time.after(rttMs / 2, () => {
      if (!this.world.reaches(this.region, peer)) {
        cancel = unreached(REQUEST_LIMITS.dialTimeoutMs)
      } else if (peer.status === 'down') {
        cancel = unreached(rttMs / 2)
      } else {
        const { network } = this.init
        const from = { client: this.name, ...(network !== undefined && { network }) }
        cancel = peer.serve({ ...call, ...from, rttMs })
      }
    })
    return () => {
      if (cancelled) return
      cancelled = true
      arrives[Symbol.dispose]()
      // The cancellation takes its time to arrive, too.
      time.after(rttMs / 2, () => cancel())
    }
  }

  #check(id: string, { subject }: Outcome): void {
    if (subject === undefined || this.lacks('audits')) return
    if (this.lacks('audit-floor') && this.#hadTenAudits(subject)) return
    if (!this.#auditor.samples(subject, id)) return
    const { signal } = new AbortController()
    if (!this.lacks('panel')) void this.#auditor.inBackground(subject, signal)
    // A scorer that does not answer casts no vote.
    else void this.#trustFirstScorer(subject).catch(() => {})
  }

  /** The control without a floor: ten audits, then none. */
  #hadTenAudits({ parts: [part] }: AuditSubject): boolean {
    const [known] = this.reputation.report(part?.candidate.key)
    return (known?.audits ?? 0) >= 10
  }

  /** The control without a panel: the first scorer's verdict counts. */
  async #trustFirstScorer(subject: AuditSubject): Promise<void> {
    const [part] = subject.parts
    const candidates = this.#directory.known.filter(this.#admits)
    const scorer = candidates[this.random.below(candidates.length)]
    if (part === undefined || scorer === undefined) return
    const { key, model } = part.candidate
    const body = { model: model.id, request: subject.asked, completion: subject.tokenIds }
    const { scores } = await this.#score(scorer, body)
    const { outcome, hardMisses, logRatio } = tokenVerdict(scores, 0)
    if (outcome === 'inconclusive') return
    this.reputation.audited(key, specClassOf(model), { outcome, hardMisses, logRatio })
  }

  #score({ key }: Candidate, body: ScoreRequest): Promise<ScoreResponse> {
    const peer = this.world.peer(key)
    const { completion } = body
    const positions = body.positions ?? completion.map((_, at) => at)
    return new Promise((resolve, reject) => {
      this.send(peer, {
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

const CONNECTED = { toString: () => 'connected' } as PeerId

/** The control that may send every attempt of a request to one operator or network. */
function withoutApart(router: Router): Router {
  const weakened: Pick<Router, 'choose'> = {
    choose: (candidates, request) => router.choose(candidates, { ...request, apart: [] }),
  }
  return Object.setPrototypeOf(weakened, router) as Router
}
