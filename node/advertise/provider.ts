import type { Logger } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Host } from '../../host/index.ts'
import { nextProvideMs } from './schedule.ts'

/** Keys that are provided at a time. More would only fill the DHT's own queue. */
const PARALLEL = 4
/** One key. The DHT's own time-out is minutes. */
const PROVIDE_TIMEOUT_MS = 30_000
/** After the first peer, others usually follow within this time. */
const FIRST_PEER_DELAY_MS = 200

export interface ProviderInit {
  readonly host: Pick<Host, 'libp2p' | 'provide'>
  readonly keys: () => Promise<readonly CID[]>
  readonly random: () => number
  readonly log: Logger
}

/** Keeps a node's provider records alive: at once, again while the swarm grows, then for ever with jitter. */
export class Provider {
  readonly #init: ProviderInit
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #dueAtMs = Number.POSITIVE_INFINITY
  #running: Promise<void> | undefined
  #again: boolean = false
  #lonely: boolean = true
  #history = { succeeded: 0, failed: 0 }

  constructor(init: ProviderInit) {
    this.#init = init
  }

  /** Resolves after the first round, or at once while there is no peer to tell. */
  async start(): Promise<void> {
    const { libp2p } = this.#init.host
    libp2p.addEventListener('peer:connect', this.#onPeer)
    if (libp2p.getPeers().length > 0) await this.#round()
  }

  /** Provides soon, e.g. because the models changed. */
  soon(): void {
    this.#schedule(FIRST_PEER_DELAY_MS)
  }

  async stop(): Promise<void> {
    this.#init.host.libp2p.removeEventListener('peer:connect', this.#onPeer)
    clearTimeout(this.#timer)
    this.#stop.abort()
    await this.#running
  }

  readonly #onPeer = (): void => {
    if (this.#lonely) this.soon()
  }

  /** Never rejects. */
  #round(): Promise<void> {
    if (this.#running !== undefined) {
      this.#again = true
      return this.#running
    }
    this.#running = this.#provideAll().finally(() => {
      this.#running = undefined
      if (this.#stop.signal.aborted) return
      const again = this.#again
      this.#again = false
      this.#schedule(
        again ? FIRST_PEER_DELAY_MS : nextProvideMs(this.#history, this.#init.random()),
      )
    })
    return this.#running
  }

  async #provideAll(): Promise<void> {
    const { host, keys, log } = this.#init
    const hadPeers = host.libp2p.getPeers().length > 0
    const { succeeded, failed } = this.#history
    try {
      const queue = [...(await keys())]
      await Promise.all(
        Array.from({ length: PARALLEL }, async () => {
          for (let key = queue.shift(); key !== undefined; key = queue.shift()) {
            await host.provide(key, { signal: this.#keySignal() })
          }
        }),
      )
      this.#lonely = !hadPeers
      this.#history = { succeeded: hadPeers ? succeeded + 1 : succeeded, failed: 0 }
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#history = { succeeded, failed: failed + 1 }
      log.error('could not provide, trying again: %e', error)
    }
  }

  #keySignal(): AbortSignal {
    return AbortSignal.any([this.#stop.signal, AbortSignal.timeout(PROVIDE_TIMEOUT_MS)])
  }

  /** The nearest of the times asked for wins. */
  #schedule(inMs: number): void {
    if (this.#stop.signal.aborted) return
    const dueAtMs = performance.now() + inMs
    if (this.#timer !== undefined && this.#dueAtMs <= dueAtMs) return
    clearTimeout(this.#timer)
    this.#dueAtMs = dueAtMs
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#round()
    }, inMs)
    this.#timer.unref()
  }
}
