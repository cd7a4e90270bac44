import { isReachedByRelay } from '../../../host/index.ts'
import { every } from '../../../timing/index.ts'
import type { RouteCandidate } from '../../request/index.ts'
import { LoadPool } from '../probe/index.ts'
import { chooseHome } from './affinity.ts'
import { choose, heatOf } from './choose.ts'
import { ClockWatch, HEARTBEAT_MS } from './clock-watch.ts'
import { ConcurrencyLimits } from './concurrency.ts'
import { costOf, predictTtftMs, type TtftInputs } from './cost.ts'
import { independentPeers, otherPeers } from './diversity.ts'
import { hashText } from './hash.ts'
import { Health } from './health.ts'
import { Hearsay } from './hearsay.ts'
import { hedgeDelayMs } from './hedge-delay.ts'
import { InFlight } from './in-flight.ts'
import { LatencyModel } from './latency-model.ts'
import { chooseNewcomer, evenOverNetworks } from './newcomers.ts'
import { ownOrder } from './own-order.ts'
import { PrefixMemory } from './prefix-memory.ts'
import type { RouteRequest, Router, RouterInit } from './router.ts'
import { hasRoom, isSaturated } from './saturation.ts'
import { BUSY_TIER, tierOf, UNFIT_TIER } from './tier.ts'
import { TtftRatios } from './ttft-ratios.ts'

/** Lower bound of the time that slowness is measured against: shorter times are noise of the machine. */
const SLOWNESS_GRAIN_MS = 50

/**
 * From this many proven peers on, only they get more than the newcomers' share; with fewer, all that have answered
 * before do.
 */
const MIN_PROVEN = 3

/** Unmeasured peers to choose among when no measured one is left. */
const MAX_UNMEASURED = 8

/** An attempt that was called off is assumed to need this many times the time it had: its real duration is unknown. */
const CENSORED_FACTOR = 4

/**
 * A router without any measurements. Eligible candidates → those of other peers, and of the lowest tier → newcomers'
 * share → the conversation's home → two of the best eight.
 */
export function createRouter(init: RouterInit): Router {
  const { clock, random, trust } = init
  const now = (): number => clock.now()
  const salt = hashText(String.fromCharCode(...init.salt), 0)
  const pool = new LoadPool()
  const inFlight = new InFlight()
  const health = new Health()
  const hearsay = new Hearsay()
  const latency = new LatencyModel()
  const ratios = new TtftRatios()
  const limits = new ConcurrencyLimits()
  const memory = new PrefixMemory(salt)
  const inOwnOrder = ownOrder(salt)
  const sleep = new ClockWatch(now(), clock.wall())
  const heartbeat = every(clock, HEARTBEAT_MS, () => sleep.beat(now(), clock.wall()))

  const uncachedTokens = (key: string, { promptTokens, affinity }: RouteRequest): number => {
    const warm = affinity === undefined ? 0 : memory.warmTokens(affinity, key, now())
    return Math.max(0, promptTokens - warm)
  }

  const inputsOf = ({ key, advertisement, model }: RouteCandidate, tokens: number): TtftInputs => ({
    latency: latency.of(key, advertisement, now()),
    load: pool.fresh(key, now()),
    uncachedTokens: tokens,
    coldStartMs: model.coldStartMs ?? 0,
  })

  const predictMs = (candidate: RouteCandidate, request: RouteRequest): number =>
    predictTtftMs(inputsOf(candidate, uncachedTokens(candidate.key, request)))

  /** Whether the peer is known by hearsay only. */
  const isUnmet = ({ key, acquaintance }: RouteCandidate): boolean =>
    acquaintance === 'heard' && !health.conditionOf(key, now()).measured

  const tier = (candidate: RouteCandidate, { promptTokens }: RouteRequest): number => {
    const { key, model } = candidate
    const { suspect, ejected } = health.conditionOf(key, now())
    const unmet = hearsay.isDoubted(now()) ? 'doubted' : 'yes'
    return tierOf({
      load: pool.fresh(key, now()),
      model,
      promptTokens,
      atLimit: inFlight.of(key) >= limits.of(key),
      suspect,
      ejected,
      hearsay: isUnmet(candidate) ? unmet : 'no',
    })
  }

  /** The connection counts, which may be a direct path to a peer behind a NAT; before there is one, the addresses. */
  const isRelayed = ({ key, advertisement }: RouteCandidate): boolean => {
    const path = init.pathTo?.(key)
    return path === undefined ? isReachedByRelay(advertisement.addresses) : path === 'relayed'
  }

  const idleCost = (candidate: RouteCandidate, request: RouteRequest, tokens: number): number => {
    const { warmth, reliability } = health.conditionOf(candidate.key, now())
    const { answerTokens } = request
    return costOf({
      relayed: isRelayed(candidate),
      ...inputsOf(candidate, tokens),
      answerTokens,
      inFlight: 0,
      warmth,
      reliability: reliability * (trust?.weight(candidate) ?? 1),
    })
  }

  /** Requests of this client that the peer takes at once: its slots, as far as it has handled so many well. */
  const slotsOf = ({ key, advertisement }: RouteCandidate): number =>
    Math.max(1, Math.min(advertisement.slots, limits.of(key)))

  /** The peer's cost for one request, times our requests there for each of its slots. */
  const leastLoaded = <T extends RouteCandidate>(
    candidates: readonly T[],
    request: RouteRequest,
  ): T | undefined => {
    // Slots are a claim; it is bounded by the load that the peer has handled well.
    const load = (candidate: T): number =>
      (inFlight.soon(candidate.key, now()) + 1) / slotsOf(candidate)
    const options = candidates.map((value) => {
      return { value, cost: idleCost(value, request, request.promptTokens) * load(value) }
    })
    const cheapest = Math.min(...options.map(({ cost }) => cost))
    return options.find(({ cost }) => cost === cheapest)?.value
  }

  const pick = <T extends RouteCandidate>(
    candidates: readonly T[],
    request: RouteRequest,
  ): T | undefined => {
    const { affinity, promptTokens, apart } = request
    const tiers = new Map(
      inOwnOrder(otherPeers(candidates, apart)).map(
        (other) => [other, tier(other, request)] as const,
      ),
    )
    const lowest = Math.min(...tiers.values())
    const sameTier = [...tiers.keys()].filter((candidate) => tiers.get(candidate) === lowest)
    const isMeasured = ({ key, acquaintance }: T): boolean =>
      acquaintance === 'answered' || health.conditionOf(key, now()).measured
    const isAnswering = (candidate: T): boolean =>
      isMeasured(candidate) && (tiers.get(candidate) ?? lowest) <= Math.max(lowest, BUSY_TIER)
    // A peer failed the request: one that has answered before is now preferred to an independent or an idle one.
    const answering = request.again === true ? [...tiers.keys()].filter(isAnswering) : []
    const fit = answering.length > 0 ? answering : independentPeers(sameTier, apart)
    const proven = trust === undefined ? [] : fit.filter((candidate) => trust.isProven(candidate))
    const measured = fit.filter(isMeasured)
    const better = proven.length >= MIN_PROVEN ? proven : measured
    const newcomer =
      lowest === 0
        ? chooseNewcomer(fit, {
            isKnown: (candidate) => better.includes(candidate),
            credit: trust?.networkCredit,
            random,
          })
        : undefined
    if (newcomer !== undefined) return newcomer
    const price = (candidate: T): number => idleCost(candidate, request, promptTokens)
    const unmeasured = (): readonly T[] => {
      const strangers = fit.filter((candidate) => !measured.includes(candidate))
      return evenOverNetworks(strangers, price, MAX_UNMEASURED)
    }
    if (request.spread === true) return leastLoaded([...measured, ...unmeasured()], request)
    const hasSlot = (candidate: T): boolean => inFlight.of(candidate.key) < slotsOf(candidate)
    // Those known well get all but the newcomers' share, as long as one of them has a slot to spare.
    const known = better.some(hasSlot) ? better : [...better, ...unmeasured()]
    const home =
      affinity === undefined || lowest >= UNFIT_TIER
        ? undefined
        : chooseHome({
            affinity,
            promptTokens,
            candidates: known,
            idleCost: price,
            inFlight: ({ key }) => inFlight.of(key),
            memory,
            salt,
            nowMs: now(),
          })
    if (home !== undefined) return home
    const options = known.map((value) => {
      const load = pool.fresh(value.key, now())
      const cost = price(value) * (inFlight.of(value.key) + 1)
      return { value, cost, tier: lowest, heat: load && heatOf(load) }
    })
    return choose(options, random)
  }

  /** The time that the peer would have needed for round trip and prefill alone. */
  const workMs = ({ key, advertisement }: RouteCandidate, request: RouteRequest): number => {
    const { rttMs, prefillRate } = latency.of(key, advertisement, now())
    return rttMs + (uncachedTokens(key, request) / prefillRate) * 1000
  }

  return {
    pool,
    tier,
    choose(candidates, request) {
      const chosen = pick(candidates, request)
      if (chosen !== undefined) pool.use(chosen.key)
      if (chosen !== undefined) inFlight.expect(chosen.key, now())
      return chosen
    },
    hedgeAfterMs(candidate, request, others = []) {
      return hedgeDelayMs({
        predictedTtftMs: predictMs(candidate, request),
        p95Ratio: ratios.p95(candidate.key),
        othersTtftMs: others
          .filter(({ key }) => key !== candidate.key)
          .map((other) => predictMs(other, request)),
      })
    },
    prefillMs({ key, advertisement }, tokens) {
      return (tokens / latency.of(key, advertisement, now()).prefillRate) * 1000
    },
    expectedTtftMs: predictMs,
    mayHaveRoom(candidate) {
      const load = pool.fresh(candidate.key, now())
      const isFull = inFlight.soon(candidate.key, now()) >= slotsOf(candidate)
      return !isFull && (load === undefined || hasRoom(load))
    },
    saturated(candidates) {
      return isSaturated(candidates.map(({ key }) => pool.fresh(key, now())))
    },
    enter({ key }) {
      return inFlight.enter(key)
    },
    began(candidate, request, ttftMs) {
      const { key } = candidate
      const idleMs = workMs(candidate, request)
      health.began(key, now())
      ratios.add(key, ttftMs / predictMs(candidate, request))
      latency.observeOverhead(key, ttftMs - idleMs, now())
      const slowness = (ttftMs + SLOWNESS_GRAIN_MS) / (idleMs + SLOWNESS_GRAIN_MS)
      limits.observe(key, slowness, inFlight.of(key))
    },
    outpaced(candidate, request, waitedMs) {
      const { key } = candidate
      health.measured(key, now())
      // A wait shorter than predicted shows nothing: the answer may have been about to begin in time.
      if (waitedMs <= predictMs(candidate, request)) return
      const ttftMs = CENSORED_FACTOR * waitedMs
      ratios.add(key, ttftMs / predictMs(candidate, request))
      latency.raiseOverhead(key, ttftMs - workMs(candidate, request), now())
    },
    answered({ key }, { affinity, promptTokens }, times) {
      const { ttftMs, prefillMs, cachedPromptTokens, completionTokens, decodeMs } = times
      health.answered(key, now())
      hearsay.reached()
      init.onAnswered?.(key)
      // The prefill time is reported by the peer; it cannot be longer than our wait.
      const prefilled = {
        tokens: times.promptTokens - cachedPromptTokens,
        ms: Math.min(prefillMs, ttftMs),
      }
      latency.observePrefill(key, prefilled)
      latency.observeDecode(key, { tokens: completionTokens, ms: decodeMs })
      if (affinity !== undefined) memory.remember(affinity, key, promptTokens, now())
    },
    failed(candidate, code) {
      const { key, advertisement } = candidate
      const unmet = isUnmet(candidate)
      if (unmet && code === 'dial_failed') hearsay.unreached(now())
      else if (unmet) hearsay.reached()
      const held = sleep.look(now(), clock.wall())
      // A lost relay cuts off all peers behind it: a failed dial says nothing about them.
      const unreached = code === 'dial_failed' && isReachedByRelay(advertisement.addresses)
      if (code === 'path_lost' || unreached) health.pathLost(key, held, now())
      else health.failed(key, code, held, now(), unmet)
    },
    connected(peer, isConnected) {
      health.connected(peer, isConnected, sleep.look(now(), clock.wall()), now())
    },
    observeRtt(peer, rttMs) {
      latency.observeRtt(peer, rttMs)
    },
    observeLoad(peer, load) {
      pool.add(peer, load, now())
    },
    isEjected: (peer) => health.isEjected(peer, now()),
    get inFlight() {
      return inFlight.total
    },
    close() {
      heartbeat[Symbol.dispose]()
    },
  }
}
