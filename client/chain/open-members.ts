import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { ChainJob } from './chain-job.ts'
import { findModels, type ModelSource } from './find-models.ts'
import type { NamedMember, OpenMember } from './member.ts'

/** Pause between two searches of all swarms for plain names. */
const SEARCH_PAUSE_MS = 10_000

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
   * Chooses the swarm of a plain name: the default one if it serves the model or none does, else the only other one. The
   * name is not looked for in any swarm: their lists of nodes are read instead.
   */
  async #place(
    model: string,
    options: { readonly signal: AbortSignal },
  ): Promise<Extract<NamedMember, { type: 'network' }>> {
    const [first] = this.#init.swarms
    let serving = this.#serving(model)
    if (serving.length === 0) {
      await this.#search(options)
      serving = this.#serving(model)
    }
    const [only, ...others] = serving.includes(first) ? [first] : serving
    if (others.length > 0) {
      const names = serving.map(({ name }) => `${name}/${model}`)
      throw new InferenceError(
        'invalid_request',
        `several swarms serve '${model}': name one of ${names.join(', ')}`,
        { details: { param: 'model' } },
      )
    }
    const { name } = only ?? first
    return { type: 'network', model, label: model, ...(name !== undefined && { swarm: name }) }
  }

  #serving(model: string): readonly SwarmSource[] {
    const id = normalizeModelId(model.split('@sha256:')[0] ?? '')
    return this.#init.swarms.filter(({ directory }) =>
      directory
        .known()
        .some(
          ({ models, peerId }) =>
            directory.acquaintanceOf(peerId) !== 'heard' &&
            models.some((served) => served.id === id || served.aliases.includes(id)),
        ),
    )
  }

  /** Reads the lists of nodes of all swarms, at most once in a while. A swarm that is not reached counts as empty. */
  async #search({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { swarms, clock } = this.#init
    if (clock.now() < this.#searchedAtMs + SEARCH_PAUSE_MS) return
    this.#searchedAtMs = clock.now()
    await Promise.all(
      swarms.map(({ directory }) => directory.enumerate({ signal }).catch(() => [])),
    )
    signal.throwIfAborted()
  }
}

function labelled(
  { name }: SwarmSource,
  model: string,
): { readonly swarm?: string; readonly label?: string } {
  return name === undefined ? {} : { swarm: name, label: `${name}/${model}` }
}
