import { setMaxListeners } from 'node:events'
import type { Logger } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Host } from '../../host/index.ts'
import { type Clock, openScope, systemClock } from '../../timing/index.ts'
import { nextProvideMs } from './schedule.ts'

/** Keys that are provided at a time. More would only fill the DHT's own queue. */
const PARALLEL = 4
/** One key. */
const PROVIDE_TIMEOUT_MS = 30_000
/** Ceasing to provide a key is local work. */
const STOP_PROVIDING_TIMEOUT_MS = 5_000

export interface ReproviderInit {
  readonly host: Pick<Host, 'joined' | 'provide' | 'stopProviding'>
  /** The node's current DHT keys. */
  readonly keys: () => Promise<readonly CID[]>
  readonly random: () => number
  readonly log: Logger
  /** @default the machine's */
  readonly clock?: Clock
}

/**
 * Reprovides a node's records, with jitter and backoff. The host takes care that records reach peers which join
 * later.
 */
export class Reprovider {
  readonly #init: ReproviderInit
  readonly #stop = new AbortController()
  #provided: ReadonlyMap<string, CID> = new Map()
  readonly #clock: Clock
  #timer: Disposable | undefined
  #running: Promise<void> | undefined
  #again: boolean = false
  #failures = 0

  constructor(init: ReproviderInit) {
    this.#init = init
    this.#clock = init.clock ?? systemClock
    setMaxListeners(0, this.#stop.signal)
  }

  /** Resolves after the first round, which waits for the host to join for as long as the host does. Never rejects. */
  async start(): Promise<void> {
    const { signal } = this.#stop
    await this.#init.host.joined({ signal }).catch((error: unknown) => {
      if (!signal.aborted) this.#init.log.error('could not join: %e', error)
    })
    await this.refresh()
  }

  /** Reprovides all current keys and stops providing the others. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#stop.signal.aborted) return
    if (this.#running !== undefined) {
      // The keys may have changed since this round read them.
      this.#again = true
      return this.#running
    }
    this.#timer?.[Symbol.dispose]()
    this.#running = this.#round()
    await this.#running
  }

  /** Stops providing all keys. */
  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    this.#stop.abort()
    await this.#running
    await this.#giveUp([...this.#provided.values()])
  }

  async #round(): Promise<void> {
    const { random, log } = this.#init
    const { signal } = this.#stop
    do {
      this.#again = false
      try {
        await this.#provideAll()
        this.#failures = 0
      } catch (error) {
        this.#failures += 1
        if (!signal.aborted) log.error('could not provide, trying again: %e', error)
      }
    } while (this.#again && !signal.aborted)
    this.#running = undefined
    if (signal.aborted) return
    const ms = nextProvideMs(this.#failures, random())
    this.#timer = this.#clock.after(ms, () => void this.refresh(), { background: true })
  }

  async #provideAll(): Promise<void> {
    const { host, keys } = this.#init
    const before = this.#provided
    const now = new Map((await keys()).map((key) => [key.toString(), key]))
    // Recorded first: a key whose provide failed half-way may be stored at some peers.
    this.#provided = now
    const limits = { timeoutMs: PROVIDE_TIMEOUT_MS, clock: this.#clock }
    await inParallel([...now.values()], async (key) => {
      using scope = openScope(limits, { owner: this.#stop.signal })
      await host.provide(key, { signal: scope.signal })
    })
    await this.#giveUp([...before].filter(([name]) => !now.has(name)).map(([, key]) => key))
  }

  async #giveUp(keys: readonly CID[]): Promise<void> {
    const { host, log } = this.#init
    await inParallel(keys, async (key) => {
      using scope = openScope({ timeoutMs: STOP_PROVIDING_TIMEOUT_MS, clock: this.#clock })
      await host.stopProviding(key, { signal: scope.signal }).catch((error: unknown) => {
        log.error('could not stop providing: %e', error)
      })
    })
  }
}

async function inParallel(keys: readonly CID[], work: (key: CID) => Promise<void>): Promise<void> {
  const queue = [...keys]
  const worker = async (): Promise<void> => {
    for (let key = queue.shift(); key !== undefined; key = queue.shift()) await work(key)
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
}
