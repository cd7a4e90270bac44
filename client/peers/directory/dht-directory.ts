import type { PeerId } from '@libp2p/interface'
import { LRUCache } from 'lru-cache'
import type { CID } from 'multiformats/cid'
import { type Acquaintance, shuffled } from '../../../host/index.ts'
import {
  type Advertisement,
  isExpired,
  MODEL_KEY_SHARDS,
  modelKey,
  nodeKey,
} from '../../../protocol/index.ts'
import { openScope, raceSignal, settledWithin } from '../../../timing/index.ts'
import type { Candidate, Query } from '../../request/index.ts'
import type { Directory, DirectoryInit } from './directory.ts'
import { someOfEachNetwork } from './draw.ts'
import { candidatesOf, eligibilityOf } from './eligibility.ts'
import { type LifeSign, Liveness } from './liveness.ts'
import { lookUp } from './lookup.ts'

interface Lookup {
  /** Never rejects. */
  readonly done: Promise<void>
}

/** Finished look-ups whose end time is remembered. */
const MAX_REMEMBERED = 256
/** A look-up that ended longer ago than this is repeated when a peer fails or refuses: others may have joined since. */
const STALE_LOOKUP_MS = 3_000
/** Peers without a recent sign of life that are asked for one list. */
const MAX_CHECKED = 64
/** How long a list waits for what is new, once something is known. A machine that sleeps must not delay every list. */
const LIST_WAIT_MS = 400
/** A look-up that ended this recently is not repeated for a request that found no candidate. */
const FRESH_LOOKUP_MS = 1_000

/** Peers known only by hearsay that one look-up visits. */
const MAX_HEARSAY_VISITS = 16

export function createDirectory(init: DirectoryInit): Directory {
  return new DhtDirectory(init)
}

class DhtDirectory implements Directory {
  readonly #init: DirectoryInit
  readonly #running = new Map<string, Lookup>()
  /** By name, the time when its newest look-up ended. */
  readonly #endedAt = new LRUCache<string, number>({ max: MAX_REMEMBERED })
  readonly #closing = new AbortController()
  readonly #liveness: Liveness

  constructor(init: DirectoryInit) {
    this.#init = init
    this.#liveness = new Liveness(init.clock)
  }

  candidates(query: Query): readonly Candidate[] {
    const { host, limits, clock } = this.#init
    const found = candidatesOf(host.book.all(), query, clock.wall(), this.acquaintanceOf)
    if (found.length > 0 && this.#ageMs(modelName(query)) > limits.refreshMs) this.#lookUp(query)
    return found
  }

  failed(query: Query): void {
    if (this.#ageMs(modelName(query)) > STALE_LOOKUP_MS) this.#lookUp(query)
  }

  async discover(
    query: Query,
    accept: (candidates: readonly Candidate[]) => boolean,
    options: { readonly signal: AbortSignal; readonly again: boolean },
  ): Promise<boolean> {
    const { host, clock } = this.#init
    const accepted = (): boolean =>
      accept(candidatesOf(host.book.all(), query, clock.wall(), this.acquaintanceOf))
    if (accepted()) return true
    if (!options.again && this.#ageMs(modelName(query)) < FRESH_LOOKUP_MS) return false
    const lookup = this.#lookUp(query)
    let unsubscribe: (() => void) | undefined
    const liked = new Promise<void>((resolve) => {
      unsubscribe = host.book.onUpdate(() => {
        if (accepted()) resolve()
      })
    })
    try {
      await raceSignal(Promise.race([liked, lookup.done]), options.signal)
      return accepted()
    } finally {
      unsubscribe?.()
    }
  }

  async enumerate({
    signal: waiting,
    complete = false,
  }: {
    readonly signal: AbortSignal
    readonly complete?: boolean
  }): Promise<readonly Advertisement[]> {
    const isFirst = !this.#endedAt.has('nodes')
    const lookup = this.#start('nodes', async (signal) => {
      await this.#joined(signal)
      const { host, clock } = this.#init
      const stale = host.book.all().filter((known) => isExpired(known, clock.wall()))
      await lookUp(
        {
          host,
          visit: (peerId) => this.#fetch(peerId, () => true, signal),
          hints: stale.map(({ peerId }) => peerId),
          groups: [await keys(nodeKey)],
          enough: () => true,
        },
        { signal },
      )
    })
    const patient = isFirst || complete
    await this.#settled(lookup, patient || !this.#hasKnown('doubtful', 'alive'), waiting)
    const checks = this.#start('living', (signal) => this.#checkDoubtful(signal))
    await this.#settled(checks, patient, waiting)
    if (!this.#hasKnown('alive')) await this.#settled(checks, true, waiting)
    return this.known().filter(({ peerId }) => !this.#liveness.hasFailed(peerId.toString()))
  }

  /** Waits for the whole look-up, or for a moment: then it goes on in the background. */
  async #settled({ done }: Lookup, whole: boolean, signal: AbortSignal): Promise<void> {
    const { clock } = this.#init
    await raceSignal(whole ? done : settledWithin(done, LIST_WAIT_MS, { clock }), signal)
  }

  /** Whether a peer with one of these signs of life is known, and did not fail when it was last asked. */
  #hasKnown(...signs: readonly LifeSign[]): boolean {
    return this.known().some(({ peerId }) => {
      const peer = peerId.toString()
      return !this.#liveness.hasFailed(peer) && signs.includes(this.#liveness.of(peer))
    })
  }

  isSilent(peer: string): boolean {
    return this.#liveness.hasFailed(peer)
  }

  connection(peer: string, isConnected: boolean): void {
    if (isConnected) this.#liveness.connected(peer)
    else this.#liveness.disconnected(peer)
  }

  lostAtMs(peer: string): number | undefined {
    return this.#liveness.lostAtMs(peer)
  }

  /**
   * Asks a bounded number of peers. In a larger swarm the others are listed unchecked: asking them all for each list
   * would cost too much.
   */
  async #checkDoubtful(signal: AbortSignal): Promise<void> {
    const doubtful = this.known().filter(
      ({ peerId }) => this.#liveness.of(peerId.toString()) === 'doubtful',
    )
    await Promise.all(
      shuffled(doubtful, this.#init.random, MAX_CHECKED).map(({ peerId }) =>
        this.#ask(peerId, this.#init.limits.fetchTimeoutMs, signal),
      ),
    )
  }

  known(): readonly Advertisement[] {
    const { host, clock } = this.#init
    return host.book
      .all()
      .filter((known) => !isExpired(known, clock.wall()) && known.models.length > 0)
  }

  readonly acquaintanceOf = (peerId: PeerId): Acquaintance => {
    const { host, isConnected } = this.#init
    const kept = host.book.acquaintance(peerId) ?? 'heard'
    return kept === 'heard' && isConnected(peerId) ? 'met' : kept
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the directory is closed'))
    await Promise.all([...this.#running.values()].map(({ done }) => done))
  }

  #ageMs(name: string): number {
    const endedAt = this.#endedAt.get(name)
    return endedAt === undefined ? Number.POSITIVE_INFINITY : this.#init.clock.now() - endedAt
  }

  #lookUp(query: Query): Lookup {
    const { host, clock, random } = this.#init
    const { id } = query.reference
    const serves = (known: Advertisement): boolean =>
      eligibilityOf(known, { reference: { id }, needs: { capabilities: [], fields: [] } })
        .status === 'eligible'
    return this.#start(modelName(query), async (signal) => {
      const known = host.book.all().filter(serves)
      const expired = known.filter((advertisement) => isExpired(advertisement, clock.wall()))
      const isMet = ({ peerId }: Advertisement): boolean => this.acquaintanceOf(peerId) !== 'heard'
      const current = (one: Advertisement): boolean => serves(one) && isMet(one)
      const inForce = (one: Advertisement): boolean => current(one) && !isExpired(one, clock.wall())
      const before = known.filter(inForce).length
      const heard = known.filter((one) => !expired.includes(one) && !isMet(one))
      const hearsay = someOfEachNetwork(heard, MAX_HEARSAY_VISITS, random)
      const hinted = lookUp(
        {
          host,
          visit: (peerId) => this.#fetch(peerId, current, signal),
          hints: [...shuffled(expired, random), ...hearsay].map(({ peerId }) => peerId),
          groups: [],
          enough: () => true,
        },
        { signal },
      )
      await this.#joined(signal)
      const shards = shuffled(await keys((shard) => modelKey(id, shard)), random)
      await lookUp(
        {
          host,
          visit: (peerId) => this.#fetch(peerId, current, signal),
          hints: [],
          groups: [shards.slice(0, 2), shards.slice(2)],
          enough: () => host.book.all().filter(inForce).length > before,
        },
        { signal },
      )
      await hinted
    })
  }

  /** Runs at most one look-up of a name at a time; all waiting requests share it. */
  #start(name: string, run: (signal: AbortSignal) => Promise<void>): Lookup {
    const running = this.#running.get(name)
    if (running !== undefined) return running
    const scoped = async (): Promise<void> => {
      using scope = openScope(
        { timeoutMs: this.#init.limits.lookupTimeoutMs, clock: this.#init.clock },
        { signal: this.#closing.signal },
      )
      await run(scope.signal)
    }
    const done = scoped()
      // A failed look-up still keeps what it found; the absence is explained from what is known.
      .catch(() => {})
      .finally(() => {
        this.#running.delete(name)
        this.#endedAt.set(name, this.#init.clock.now())
      })
    const lookup = { done }
    this.#running.set(name, lookup)
    return lookup
  }

  /** Waits until the DHT can be queried, or until the time to connect is over. */
  async #joined(signal: AbortSignal): Promise<void> {
    const { host, limits } = this.#init
    await host.joined({ timeoutMs: limits.connectTimeoutMs, signal })
  }

  /** The book stores what arrives. A peer that sends no advertisement, or an invalid one, keeps its entry. */
  async #fetch(
    peerId: PeerId,
    current: (known: Advertisement) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { host, limits, clock } = this.#init
    const known = host.book.get(peerId)
    if (known !== undefined && !isExpired(known, clock.wall()) && current(known)) return
    // An expired advertisement is a weak hint: the wait for it is no longer than for a first connection.
    const { fetchTimeoutMs, connectTimeoutMs } = limits
    const timeoutMs =
      known === undefined ? fetchTimeoutMs : Math.min(fetchTimeoutMs, connectTimeoutMs)
    await this.#ask(peerId, timeoutMs, signal)
  }

  async #ask(peerId: PeerId, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { host, clock } = this.#init
    using scope = openScope({ timeoutMs, clock }, { signal })
    const answer = await host
      .fetchAdvertisement(peerId, { signal: scope.signal })
      .catch(() => undefined)
    // A fetch that this client cancelled says nothing about the peer.
    if (answer !== undefined || !signal.aborted) {
      this.#liveness.heard(peerId.toString(), answer !== undefined)
    }
  }
}

const modelName = ({ reference }: Query): string => `model/${reference.id}`

function keys(keyOf: (shard: number) => Promise<CID>): Promise<CID[]> {
  return Promise.all(Array.from({ length: MODEL_KEY_SHARDS }, (_, shard) => keyOf(shard)))
}
