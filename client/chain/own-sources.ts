import { InferenceError } from '../../protocol/index.ts'
import { readAliases } from './expand-chain.ts'
import { MemberHealth } from './member-health.ts'
import { createProviders, type Provider, type ProviderInit } from './provider.ts'

/** The caller's own names for models. */
export interface NamesInit {
  /** Each value is an id or a comma-separated chain. */
  readonly aliases: Readonly<Record<string, string>>
  readonly providers: readonly ProviderInit[]
}

/** Aliases and providers that hold together: a request keeps those that it began with. */
export interface OwnSources {
  /** Counts replacements. */
  readonly version: number
  readonly aliases: ReadonlyMap<string, string>
  readonly providers: readonly Provider[]
  /** Names of the client's swarms, the default first. */
  readonly swarms: readonly string[]
  readonly health: MemberHealth
}

/** The aliases and providers in force, which are replaced as a whole. */
export class SourceRegister {
  #current: OwnSources
  readonly #swarms: readonly string[]
  /** Replaced providers may still answer requests; their backends are closed at the end. */
  readonly #opened = new Set<Provider>()

  /** @throws InferenceError `invalid_request` for an alias or a provider that cannot be used */
  constructor(names: NamesInit, swarms: readonly string[]) {
    this.#swarms = swarms
    this.#current = this.#read(names, 0)
  }

  get current(): OwnSources {
    return this.#current
  }

  /** Holds for requests that begin later. Changes nothing if it throws. @throws InferenceError `invalid_request` */
  replace(names: NamesInit): void {
    this.#current = this.#read(names, this.#current.version + 1)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#opened].map(({ backend }) => backend[Symbol.asyncDispose]()))
  }

  #read(names: NamesInit, version: number): OwnSources {
    const providers = createProviders(names.providers)
    const swarms = this.#swarms
    const taken = providers.find(({ name }) => swarms.some((swarm) => swarm.toLowerCase() === name))
    if (taken !== undefined) {
      throw new InferenceError(
        'invalid_request',
        `'${taken.name}' is the name of a provider and of a swarm: rename the provider`,
        { details: { param: 'providers' } },
      )
    }
    const aliases = readAliases(names.aliases, providers, swarms)
    for (const provider of providers) this.#opened.add(provider)
    return { version, aliases, providers, swarms, health: new MemberHealth() }
  }
}
