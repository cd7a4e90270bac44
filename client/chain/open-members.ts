import { InferenceError } from '../../protocol/index.ts'
import { type Clock, openScope, raceSignal } from '../../timing/index.ts'
import { serving } from '../peers/index.ts'
import type { ChainJob } from './chain-job.ts'
import { findModels, type ModelSource } from './find-models.ts'
import type { NamedMember, OpenMember } from './member.ts'

/** Pause between two searches of all swarms for plain names. */
const SEARCH_PAUSE_MS = 10_000
/** The longest search. */
const SEARCH_MS = 10_000
/** How long the default swarm's list of nodes says that it does not serve a plain name. */
const LIST_HOLDS_MS = 60_000

/** A swarm of the client. */
export interface SwarmSource extends ModelSource {
  /** Absent if it is the only one. */
  readonly name?: string
}

export interface OpenMembersInit {
  /** The default first. */
  readonly swarms: readonly [SwarmSource, ...SwarmSource[]]
  readonly clock: Clock
}

/** Finds what `auto` and plain names stand for. */
export class OpenMembers {
  readonly #init: OpenMembersInit
  #searchedAtMs = -SEARCH_PAUSE_MS
  /** When the default swarm's list of nodes was last read, and had some. */
  #listedAtMs = -Infinity
  /** Shared by all who wait for it. */
  #searching: Promise<void> | undefined

  constructor(init: OpenMembersInit) {
    this.#init = init
  }

  /**
   * Models to ask for.
   *
   * @throws InferenceError `no_peers`, `capability_unavailable`, `invalid_request`; the signal's reason
   */
  async find(
    member: OpenMember,
    job: Pick<ChainJob, 'estimatedPromptTokens' | 'request'>,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly NamedMember[]> {
    if (member.type === 'plain') return [await this.#place(member.model, options)]
    const source = this.#named(member.swarm)
    const found = await findModels({ ...source, clock: this.#init.clock }, job, options)
    return found.map((model) => ({ type: 'network', model, ...labelled(source, model) }))
  }

  #named(name: string | undefined): SwarmSource {
    const { swarms } = this.#init
    return swarms.find((swarm) => swarm.name === name) ?? swarms[0]
  }

  /**
   * Chooses the swarm of a plain name: the default one if it serves the model, as far as is known, or none does, else the
   * only other one. Another one gets the prompt only if the default's list of nodes was read a short time ago: one that is
   * not reached may serve the model, too. The name is not looked for in any swarm.
   */
  async #place(
    model: string,
    options: { readonly signal: AbortSignal },
  ): Promise<Extract<NamedMember, { type: 'network' }>> {
    const [first] = this.#init.swarms
    if (!this.#isInDefault(model) && !(this.#isListed() && this.#others(model).length > 0)) {
      await this.#search(options)
    }
    const isElsewhere = !this.#isInDefault(model) && this.#isListed()
    const serving = isElsewhere ? this.#others(model) : []
    if (serving.length > 1) {
      const names = serving.map(({ name }) => `${name}/${model}`)
      throw new InferenceError(
        'invalid_request',
        `several swarms serve '${model}': name one of ${names.join(', ')}`,
        { details: { param: 'model' } },
      )
    }
    const { name } = serving[0] ?? first
    return { type: 'network', model, label: model, ...(name !== undefined && { swarm: name }) }
  }

  /** Whether the default swarm serves the model, or did when this machine last heard of it. */
  #isInDefault(model: string): boolean {
    return serving(this.#init.swarms[0].directory.known(), model).length > 0
  }

  /** Other swarms with a node that serves the model, and was met. */
  #others(model: string): readonly SwarmSource[] {
    const [, ...others] = this.#init.swarms
    return others.filter(({ directory }) =>
      serving(directory.known(), model).some(
        ({ peerId }) => directory.acquaintanceOf(peerId) !== 'heard',
      ),
    )
  }

  /** Whether the list of the default swarm's nodes was read a short time ago. */
  #isListed(): boolean {
    return this.#init.clock.now() < this.#listedAtMs + LIST_HOLDS_MS
  }

  /** Reads the lists of nodes of all swarms, at most once in a while. */
  async #search({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const isDue = this.#init.clock.now() >= this.#searchedAtMs + SEARCH_PAUSE_MS
    if (isDue) {
      this.#searching ??= this.#list().finally(() => {
        this.#searching = undefined
        this.#searchedAtMs = this.#init.clock.now()
      })
    }
    if (this.#searching !== undefined) await raceSignal(this.#searching, signal)
  }

  /** Never rejects. */
  async #list(): Promise<void> {
    const { swarms, clock } = this.#init
    // Its own time limit: another request may wait for it when this one is given up.
    using scope = openScope({ timeoutMs: SEARCH_MS, clock })
    const read = swarms.map(({ directory }) =>
      directory.enumerate({ signal: scope.signal }).catch(() => []),
    )
    const [ofDefault = []] = await Promise.all(read)
    if (ofDefault.length > 0) this.#listedAtMs = clock.now()
  }
}

function labelled(
  { name }: SwarmSource,
  model: string,
): { readonly swarm?: string; readonly label?: string } {
  return name === undefined ? {} : { swarm: name, label: `${name}/${model}` }
}
