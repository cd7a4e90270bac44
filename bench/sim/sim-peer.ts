import type { PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Candidate } from '../../client/request/candidate.ts'
import { type Fairness, Gate, type Ticket } from '../../node/admission/index.ts'
import {
  type ErrorCode,
  InferenceError,
  type Load,
  type PositionScore,
} from '../../protocol/index.ts'
import type { Random, VirtualClock } from '../../testing/index.ts'
import { type Kind, ratedHonestly } from './divergence.ts'

/** Behaviour that differs from an honest peer's. */
export interface Behaviour {
  /** Whether it answers the request with other weights than it names. @param served answers that it gave before */
  readonly lies?: (served: number) => boolean
  /** Kind of its lies. @default canned text */
  readonly lie?: Exclude<Kind, 'true'>
  /** What its lies have in common: those of one clique tell the same lie. @default its own */
  readonly clique?: string
  /** How it rates a token of another's answer. @default honestly */
  readonly rates?: (id: number, position: number, random: Random) => PositionScore
  /** Gap between its tokens, whatever it says of its speed. @default by its decode rate */
  readonly gapMs?: number
}

export interface SimPeerInit {
  readonly index: number
  readonly region?: string
  /** Of its public address: the first three bytes of IPv4. */
  readonly subnet: string
  readonly operator?: string
  readonly slots?: number
  /** @default 16, as a node's */
  readonly maxQueue?: number
  /** Tokens a second. */
  readonly prefillRate?: number
  readonly decodeRate?: number
  readonly behaviour?: Behaviour
  /** Peers served before strangers. @default none */
  readonly fairness?: Fairness
  /** One turn in this many goes to a stranger. @default the node's */
  readonly strangersTurn?: number
}

/** One attempt of a client, on the peer's side. */
export interface Call {
  readonly client: string
  /** Where it comes from. @default one for all */
  readonly network?: string
  readonly promptTokens: number
  /** Tokens to generate: fewer than the whole answer for a resume. */
  readonly tokens: number
  readonly affinity?: string
  readonly deadlineAtMs: number
  readonly rttMs: number
  readonly onStart: (first: FirstToken) => void
  readonly onEnd: (load: Load) => void
  readonly onFailure: (code: ErrorCode, retryAfterMs?: number) => void
  /** The peer stops sending, without closing the connection. */
  readonly onSilence: () => void
}

export interface FirstToken {
  readonly lies: boolean
  readonly gapMs: number
  readonly prefillMs: number
  readonly cachedTokens: number
}

interface Running {
  readonly call: Call
  /** Gives its slot back. */
  readonly release: () => void
  readonly stop: () => void
}

/** Where requests of the same conversation were last, the engine knows their beginning. */
const CACHED_CONVERSATIONS = 8
const MODEL = 'sim'
const DIGEST = `sha256:${'5'.repeat(64)}`

/** Created once: a stack trace per call would cost more than the call. */
const GONE = new InferenceError('cancelled', 'the client is gone')

/** A node with an engine of constant speed behind the shipped admission. */
export class SimPeer {
  readonly candidate: Candidate
  readonly gate: Gate
  readonly init: SimPeerInit
  status: 'up' | 'draining' | 'down' = 'up'
  served = 0
  readonly #time: VirtualClock
  readonly #random: Random
  readonly #running = new Set<Running>()
  readonly #warm = new Map<string, number>()

  constructor(init: SimPeerInit, time: VirtualClock, random: Random) {
    this.init = init
    this.#time = time
    this.#random = random
    const { index, subnet, operator = '', slots = 2, maxQueue = 16, strangersTurn } = init
    const { prefillRate = 2_000, decodeRate = 40 } = init
    this.gate = new Gate({
      ...{ slots, maxQueue, now: time.now },
      after: time.after,
      ...(strangersTurn !== undefined && { strangersTurn }),
    })
    const key = `peer-${index}`
    const peerId = { toString: () => key } as PeerId
    this.candidate = {
      ...{ peerId, key },
      advertisement: {
        ...{ peerId, operator, slots, prefillRate, decodeRate },
        sequence: 1n,
        issuedAtMs: 0,
        expiresAtMs: Number.POSITIVE_INFINITY,
        protocols: [],
        addresses: [multiaddr(`/ip4/${subnet}.${1 + (index % 250)}/tcp/4001`)],
        models: [],
        maxTokens: 0,
      },
      model: {
        id: MODEL,
        aliases: [],
        digest: DIGEST,
        family: 'sim',
        parameters: 0,
        quantization: 'F16',
        contextLength: 0,
        templateHash: `sha256:${'7'.repeat(64)}`,
        capabilities: ['chat', 'score', 'token_ids'],
        resume: 'tokens',
        fields: [],
      },
    }
    ;(this.candidate.advertisement.models as unknown[]).push(this.candidate.model)
  }

  loadFor(client: string): Load {
    const asker = { contributes: this.#contributes(client) }
    const { inFlight, queueDepth, slots } = this.gate.occupancyFor(asker)
    const state =
      this.status === 'draining' ? 'draining' : inFlight >= slots ? 'saturated' : 'ready'
    return {
      state,
      inFlight,
      queueDepth,
      slots,
      expectedTtftMs: this.gate.expectedTtftMsFor(asker),
    }
  }

  /** A call arrives. @returns calls it off */
  serve(call: Call): () => void {
    const { onFailure, rttMs } = call
    const controller = new AbortController()
    const answer = (tell: () => void): void => {
      this.#time.after(rttMs / 2, () => {
        if (!controller.signal.aborted) tell()
      })
    }
    if (this.status === 'draining') {
      answer(() => onFailure('over_capacity', 1_000))
      return () => controller.abort(GONE)
    }
    let ticket: Ticket
    try {
      const { client: peer, network, deadlineAtMs } = call
      ticket = this.gate.enter({
        ...{ peer, deadlineAtMs },
        ...(network !== undefined && { network }),
        contributes: this.#contributes(peer),
        signal: controller.signal,
      })
    } catch (error) {
      const { code, retryAfterMs } = InferenceError.from(error)
      answer(() => onFailure(code, retryAfterMs))
      return () => controller.abort(GONE)
    }
    let stopWork = (): void => {}
    const running: Running = {
      call,
      release: () => ticket.release(),
      stop: () => {
        stopWork()
        controller.abort(GONE)
        ticket.release()
        this.#running.delete(running)
      },
    }
    this.#running.add(running)
    ticket.granted.then(
      () => {
        stopWork = this.#work(running, answer)
      },
      (error: unknown) => {
        this.#running.delete(running)
        const { code, retryAfterMs } = InferenceError.from(error)
        answer(() => onFailure(code, retryAfterMs))
      },
    )
    return running.stop
  }

  #work(running: Running, answer: (tell: () => void) => void): () => void {
    const { call } = running
    const { prefillRate = 2_000, decodeRate = 40, behaviour } = this.init
    const warm = call.affinity === undefined ? 0 : (this.#warm.get(call.affinity) ?? 0)
    const cachedTokens = Math.min(warm, call.promptTokens - 1)
    const prefillMs = ((call.promptTokens - cachedTokens) / prefillRate) * 1_000
    const gapMs = behaviour?.gapMs ?? 1_000 / decodeRate
    const lies = behaviour?.lies?.(this.served) ?? false
    this.served += 1
    const startedMs = this.#time.now()
    let end: Disposable | undefined
    const first = this.#time.after(prefillMs, () => {
      answer(() => call.onStart({ lies, gapMs, prefillMs, cachedTokens }))
      end = this.#time.after((call.tokens - 1) * gapMs, () => {
        this.#remember(call)
        this.init.fairness?.served(call.client, call.promptTokens + call.tokens)
        this.gate.observe({
          firstTokenMs: prefillMs,
          serviceMs: this.#time.now() - startedMs,
          prefillTokens: call.promptTokens - cachedTokens,
          prefillMs,
          decodeTokens: call.tokens,
          decodeMs: call.tokens * gapMs,
        })
        // The answer is on its way; its slot is free again, and its end tells the load without it.
        running.release()
        const load = this.loadFor(call.client)
        answer(() => call.onEnd(load))
        this.#time.after(call.rttMs / 2, running.stop)
      })
    })
    return () => {
      first[Symbol.dispose]()
      end?.[Symbol.dispose]()
    }
  }

  #contributes(client: string): boolean {
    return this.init.fairness?.contributes(client) ?? false
  }

  #remember({ affinity, promptTokens, tokens }: Call): void {
    if (affinity === undefined) return
    this.#warm.delete(affinity)
    this.#warm.set(affinity, promptTokens + tokens)
    const [oldest] = this.#warm.keys()
    if (this.#warm.size > CACHED_CONVERSATIONS && oldest !== undefined) this.#warm.delete(oldest)
  }

  /** Kills the process: connections are reset at once. `silently`: the machine disappears, and no connection is reset. */
  die(silently = false): void {
    this.status = 'down'
    this.#warm.clear()
    for (const { call, stop } of [...this.#running]) {
      stop()
      if (silently) call.onSilence()
      else this.#time.after(call.rttMs / 2, () => call.onFailure('stream_reset'))
    }
  }

  /** Those clients' calls fall silent, though the peer lives. */
  cutOff(isCut: (client: string) => boolean): void {
    for (const { call, stop } of [...this.#running]) {
      if (!isCut(call.client)) continue
      stop()
      call.onSilence()
    }
  }

  revive(): void {
    this.status = 'up'
  }

  rate(ids: readonly number[], positions: readonly number[]): readonly PositionScore[] {
    const rates = this.init.behaviour?.rates ?? ratedHonestly
    return positions.map((position) => rates(ids[position] ?? 0, position, this.#random))
  }
}
