import { normalizeModelId } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { selectModel } from '../select-model.ts'
import { FirstTrials, Trials } from '../trials/index.ts'
import { assumedCatalog, type Catalog, catalogOf, idOf } from './catalog.ts'
import type { ListedModel } from './catalog-subject.ts'
import { type Listing, readListing } from './listing.ts'
import { traitsOf } from './model-traits.ts'
import type { OpenAiBackendInit } from './openai-backend-init.ts'

/** Age after which the catalog is refreshed: models change seldom, and requests of other peers must not query the engine each time. */
const CATALOG_AGE_MS = 30_000

type KeptCatalogInit = Pick<
  OpenAiBackendInit,
  'assumed' | 'capabilities' | 'continues' | 'digestOf' | 'exactCapabilities' | 'models' | 'names'
> & {
  /** The server without `/v1`. */
  readonly root: EngineHttp
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** Ends all trials. */
  readonly signal: AbortSignal
}

/** The engine's models, asked for again when the list is old. */
export class KeptCatalog {
  readonly #init: KeptCatalogInit
  readonly #trials: Trials
  #listing: Listing | undefined
  readonly #firstTrials: FirstTrials
  #kept: { readonly readAt: number; readonly value: Catalog } | undefined
  /** The engine was seen to be down, and has not listed its models since. */
  #isLost: boolean = false

  constructor(init: KeptCatalogInit) {
    this.#init = init
    this.#trials = new Trials({ signal: init.signal, onVerdict: () => this.#renew() })
    this.#firstTrials = new FirstTrials(this.#trials)
  }

  /** The newest catalog, however old; undefined before the first. */
  get latest(): Catalog | undefined {
    return this.#kept?.value
  }

  /** Changes with what the engine has proved, and when that no longer counts. */
  get revision(): number {
    return this.#trials.revision
  }

  /** The engine is down. When it is back it may have other settings: it is asked, and tried, anew. */
  lost(): void {
    if (this.#isLost || this.#listing === undefined) return
    this.#isLost = true
    this.#trials.forget()
    this.#firstTrials.restart()
  }

  /** The catalog for a request; refreshed if it is old and lacks the model, which may have been loaded since. */
  async having(name: string, options: AbortOptions): Promise<Catalog> {
    const { assumed, models } = this.#init
    if (assumed === true && models === undefined) return assumedCatalog([name], this.#init)
    const { latest } = this
    if (latest === undefined || this.#isLost || !has(latest, name)) return await this.read(options)
    return await this.#afterFirstTrials(latest, options)
  }

  async read(options: AbortOptions): Promise<Catalog> {
    const { models, assumed, now, root, digestOf } = this.#init
    const kept = this.#kept
    const isOld = this.#isLost || kept === undefined || now() - kept.readAt >= CATALOG_AGE_MS
    if (!isOld) return await this.#afterFirstTrials(kept.value, options)
    if (assumed === true) {
      const value = assumedCatalog(models ?? [], this.#init)
      this.#kept = { readAt: now(), value }
      return value
    }
    const before = this.#isLost ? undefined : this.#listing
    this.#listing = await readListing({ root, digestOf }, before, options)
    this.#isLost = false
    this.#describe(this.#listing)
    const value = this.#catalogOf(this.#listing)
    this.#kept = { readAt: now(), value }
    return await this.#afterFirstTrials(value, options)
  }

  /** The newest catalog, once the first trials have ended or taken their time. */
  async #afterFirstTrials(value: Catalog, options: AbortOptions): Promise<Catalog> {
    await this.#firstTrials.wait(options)
    return this.latest ?? value
  }

  /** Verdicts on models that the engine describes differently than before lapse. */
  #describe({ identity, models }: Listing): void {
    const before = this.#trials.revision
    for (const model of models) this.#trials.describe(model.name, traitsOf(identity, model))
    if (this.#trials.revision !== before) this.#firstTrials.restart()
  }

  /** After a verdict. */
  #renew(): void {
    if (this.#listing === undefined || this.#kept === undefined) return
    this.#kept = { ...this.#kept, value: this.#catalogOf(this.#listing) }
  }

  #catalogOf({ identity, models: listed }: Listing): Catalog {
    const { root, models, names = {}, capabilities = [], exactCapabilities, continues } = this.#init
    const wanted = models?.map(normalizeModelId)
    const isWanted = ({ name }: ListedModel): boolean =>
      wanted === undefined ||
      wanted.includes(idOf(name, names)) ||
      wanted.includes(normalizeModelId(name))
    return catalogOf(
      {
        ...{ root, names, exactCapabilities, continues },
        extraCapabilities: capabilities,
        ask: this.#trials.ask,
      },
      { identity, models: listed.filter(isWanted) },
    )
  }
}

function has({ models }: Catalog, name: string): boolean {
  try {
    selectModel(models, name)
    return true
  } catch {
    return false
  }
}
