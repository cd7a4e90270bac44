import type { DispatchContext } from '../../client/dispatch/index.ts'
import type { Candidate } from '../../client/request/index.ts'
import type { SimPeer } from './sim-peer.ts'
import type { World } from './world.ts'

/** Maximum candidates of one model that a client knows. */
const MAX_KNOWN = 64
/** A look-up, at most once in this time. It takes none. */
const LOOKUP_EVERY_MS = 5_000

export interface SimDirectoryInit {
  readonly world: World
  readonly random: World['random']
  readonly isEjected: (peer: string) => boolean
}

/** What a client knows of the peers: as a look-up in the DHT finds some of those that serve the model. */
export class SimDirectory {
  readonly #init: SimDirectoryInit
  #known: readonly Candidate[] = []
  #lookedUpMs = 0

  constructor(init: SimDirectoryInit) {
    this.#init = init
    this.#known = this.#lookUp()
  }

  get known(): readonly Candidate[] {
    return this.#known
  }

  /** As dispatching sees it. */
  readonly directory: DispatchContext['directory'] = {
    candidates: () => this.#known,
    connection: () => {},
    failed: () => this.refresh(),
    discover: async (_query, accept) => {
      if (accept(this.#known)) return true
      this.refresh()
      return accept(this.#known)
    },
    acquaintanceOf: () => 'met',
    isSilent: () => false,
    lostAtMs: () => undefined,
    known: () => this.#known.map(({ advertisement }) => advertisement),
    enumerate: async () => this.#known.map(({ advertisement }) => advertisement),
  }

  /** Repeats the look-up unless the last one is recent. */
  refresh(): void {
    const nowMs = this.#init.world.time.now()
    if (nowMs - this.#lookedUpMs < LOOKUP_EVERY_MS) return
    this.#lookedUpMs = nowMs
    this.#known = this.#lookUp()
  }

  /** Adds these peers, without limit: newcomers are found within minutes. */
  learnOf(peers: readonly SimPeer[]): void {
    const known = new Set(this.#known.map(({ key }) => key))
    const fresh = peers.map(({ candidate }) => candidate).filter(({ key }) => !known.has(key))
    this.#known = [...this.#known, ...fresh]
  }

  /** Draws peers that serve the model; known peers that are alive are kept. */
  #lookUp(): readonly Candidate[] {
    const { world, random, isEjected } = this.#init
    const { peers } = world
    if (peers.length <= MAX_KNOWN) return peers.map(({ candidate }) => candidate)
    const alive = this.#known.filter(
      ({ key }) => world.peer(key).status !== 'down' && !isEjected(key),
    )
    const known = new Set(alive.map(({ key }) => key))
    const found = random
      .sample(peers, MAX_KNOWN)
      .filter(({ candidate, status }) => !known.has(candidate.key) && status !== 'down')
      .map(({ candidate }) => candidate)
    return [...alive, ...found].slice(0, MAX_KNOWN)
  }
}
