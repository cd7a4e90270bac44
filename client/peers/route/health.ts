import { ERROR_TABLE, type ErrorCode } from '../../../protocol/index.ts'
import {
  afterAnswer,
  afterEjection,
  afterFailure,
  afterLoss,
  type Conduct,
  newcomer,
  reliabilityOf,
  warmthOf,
} from './conduct.ts'
import { Ejections } from './ejections.ts'
import { SelfBlame } from './self-blame.ts'

/** Peers remembered; the least recently seen are evicted. */
const MAX_PEERS = 1_024
/** A peer unseen for this long counts as new when it returns. Longer than any ejection. */
const FORGET_MS = 10 * 60_000

interface Entry {
  readonly conduct: Conduct
  readonly seenMs: number
}

/** From this many lost paths in a row on, each counts as the peer's own failure. */
const MAX_LOST_PATHS = 3

/** What a choice needs to know about a peer's health at one moment. */
export interface Condition {
  readonly suspect: boolean
  readonly ejected: boolean
  /** 0.1 … 1: slow start. */
  readonly warmth: number
  /** 0 … 1 */
  readonly reliability: number
  readonly measured: boolean
}

/**
 * What each peer's failures lead to. A refusal is never blamed on a peer, and no failure is while the own network or
 * clock is suspected. Only real answers count: an engine can be stuck while everything else on the node works.
 */
export class Health {
  readonly #peers = new Map<string, Entry>()
  readonly #ejections = new Ejections()
  readonly #selfBlame = new SelfBlame<Conduct>()
  readonly #lost = new Set<string>()

  /** The condition of a peer that may be chosen. Its first sight begins its slow start. */
  conditionOf(peer: string, nowMs: number): Condition {
    const conduct = this.#see(peer, nowMs)
    return {
      suspect: nowMs < conduct.suspectUntilMs,
      ejected: this.#ejections.has(peer, this.#peers.size, nowMs),
      warmth: warmthOf(conduct, nowMs),
      reliability: reliabilityOf(conduct, nowMs),
      measured: conduct.measured,
    }
  }

  /**
   * @param held the clock jumped: recent failures say nothing
   * @param unmet the peer is known by hearsay only: a failed dial says nothing about the own network
   */
  failed(peer: string, code: ErrorCode, held: boolean, nowMs: number, unmet = false): void {
    if (ERROR_TABLE[code].blame !== 'peer' || held || this.#selfBlame.suspected) return
    const before = this.#see(peer, nowMs)
    const after = afterFailure(before, nowMs)
    const { failures, ejections } = after
    const ejectedUntilMs = this.#ejections.failed(peer, failures, ejections, nowMs)
    const conduct = ejectedUntilMs === undefined ? after : afterEjection(after, ejectedUntilMs)
    this.#set(peer, conduct, nowMs)
    if (unmet && code === 'dial_failed') return
    for (const [other, earlier] of this.#selfBlame.failed(peer, code, before, nowMs)) {
      const now = this.#peers.get(other)?.conduct ?? earlier
      if (now.ejections > earlier.ejections) this.#ejections.readmit(other)
      this.#set(other, { ...earlier, measured: now.measured }, nowMs)
    }
  }

  /** Neither end is to blame. But a peer whose path is lost repeatedly is of no more use than one that fails. */
  pathLost(peer: string, held: boolean, nowMs: number): void {
    if (held) return
    const before = this.#see(peer, nowMs)
    const lostPaths = before.lostPaths + 1
    this.#set(peer, { ...afterLoss(before, nowMs), lostPaths }, nowMs)
    if (lostPaths >= MAX_LOST_PATHS) this.failed(peer, 'stream_reset', held, nowMs)
  }

  /** The peer began to answer, so the network works. */
  began(peer: string, nowMs: number): void {
    this.#selfBlame.answered()
    this.measured(peer, nowMs)
  }

  /** The peer is no longer a newcomer, whatever the outcome was. */
  measured(peer: string, nowMs: number): void {
    this.#set(peer, { ...this.#see(peer, nowMs), measured: true }, nowMs)
  }

  answered(peer: string, nowMs: number): void {
    this.#selfBlame.answered()
    this.#ejections.readmit(peer)
    this.#set(peer, afterAnswer(this.#see(peer, nowMs), nowMs), nowMs)
  }

  connected(peer: string, isConnected: boolean, held: boolean, nowMs: number): void {
    const known = this.#peers.get(peer)?.conduct
    // A host also has connections to many peers that serve nothing.
    if (known === undefined) return
    if (isConnected) {
      if (this.#lost.delete(peer)) {
        const warmSinceMs = Math.max(known.warmSinceMs, nowMs)
        this.#set(peer, { ...known, warmSinceMs }, nowMs)
      }
      return
    }
    if (held) return
    this.#lost.add(peer)
    this.#set(peer, afterLoss(known, nowMs), nowMs)
  }

  isEjected(peer: string, nowMs: number): boolean {
    return this.#ejections.has(peer, this.#peers.size, nowMs)
  }

  get size(): number {
    return this.#peers.size
  }

  #see(peer: string, nowMs: number): Conduct {
    const entry = this.#peers.get(peer)
    const isKnown = entry !== undefined && nowMs - entry.seenMs <= FORGET_MS
    const conduct = isKnown ? entry.conduct : newcomer(nowMs)
    this.#set(peer, conduct, nowMs)
    return conduct
  }

  #set(peer: string, conduct: Conduct, nowMs: number): void {
    this.#peers.delete(peer)
    this.#peers.set(peer, { conduct, seenMs: nowMs })
    const [oldest] = this.#peers
    if (oldest === undefined) return
    const isForgotten = nowMs - oldest[1].seenMs > FORGET_MS
    if (this.#peers.size <= MAX_PEERS && !isForgotten) return
    // Peers that have answered stay, however many strangers are seen.
    const key = isForgotten ? oldest[0] : (this.#oldestStranger() ?? oldest[0])
    this.#peers.delete(key)
    this.#lost.delete(key)
    this.#ejections.readmit(key)
  }
  #oldestStranger(): string | undefined {
    for (const [peer, { conduct }] of this.#peers) if (!conduct.measured) return peer
    return undefined
  }
}
